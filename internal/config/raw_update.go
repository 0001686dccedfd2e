package config

type rawUpdate struct {
	At
	Repository Text               `yaml:"repository" is:"repository" default:"." doc:"The repository that is written; . is the one of the pipeline."`
	Branch     Text               `yaml:"branch" is:"branch" default:"stage/NAME" doc:"The branch that is written."`
	Path       Text               `yaml:"path" is:"folder" default:"." doc:"The folder of the branch that is the stage's; . is the whole branch. The paths of directives and of output are relative to it."`
	Delivery   Word               `yaml:"delivery" enum:"pull-request|push" default:"pull-request" doc:"How the commit comes to the branch."`
	Adopt      Bool               `yaml:"adopt" default:"false" doc:"Takes over a branch that was written by others."`
	Preserve   List[Text]         `yaml:"preserve" is:"glob" doc:"What is kept from the branch. Everything else under path is replaced."`
	AllowEmpty Bool               `yaml:"allowEmpty" default:"false" doc:"A result without a single resource is no failure."`
	Directives List[rawDirective] `yaml:"directives" req:"true" doc:"What is done, in order, on a workspace that starts empty."`
	Render     *rawRender         `yaml:"render" doc:"What it prints replaces the workspace."`
}

type rawDirective struct {
	At        `one:"copy|chart|kustomize|helm|yaml|json|toml|delete|write|exec"`
	Copy      *rawCopy      `yaml:"copy" doc:"Copies a file or a folder of a source."`
	Chart     *rawUnpack    `yaml:"chart" doc:"Unpacks a chart of the freight."`
	Kustomize *rawKustomize `yaml:"kustomize" doc:"Pins images in a kustomization file."`
	Helm      *rawHelm      `yaml:"helm" doc:"Sets values of a chart."`
	YAML      *rawEdit      `yaml:"yaml" doc:"Sets values in a YAML file and changes only their bytes."`
	JSON      *rawEdit      `yaml:"json" doc:"The same in a JSON file."`
	TOML      *rawEdit      `yaml:"toml" doc:"The same in a TOML file."`
	Delete    *rawDelete    `yaml:"delete" doc:"Deletes a file or a folder."`
	Write     *rawWrite     `yaml:"write" doc:"Writes a file."`
	Exec      *rawExec      `yaml:"exec" doc:"Runs a command; in run mode only, and only where the policy allows."`
}

type rawCopy struct {
	At
	Repository Text       `yaml:"repository" is:"repository" default:"." doc:"The source; . is the repository of the pipeline."`
	Ref        Text       `yaml:"ref" doc:"The branch, tag or commit to read, in place of the commit in the freight; head is today's default branch."`
	From       Text       `yaml:"from" req:"true" is:"path" doc:"The file or folder in the source."`
	To         Text       `yaml:"to" req:"true" is:"path" doc:"Where it goes in the workspace."`
	Warehouse  Word       `yaml:"warehouse" is:"name" doc:"Whose freight gives the commit, where two slots hold the same source."`
	Ignore     List[Text] `yaml:"ignore" doc:"What is left out, in the syntax of gitignore, relative to from."`
}

type rawUnpack struct {
	At
	Name      Text `yaml:"name" req:"true" doc:"The chart's name."`
	To        Text `yaml:"to" req:"true" is:"path" doc:"Where it is unpacked."`
	Warehouse Word `yaml:"warehouse" is:"name" doc:"Whose freight holds it, where two slots do."`
}

type rawKustomize struct {
	At
	Path   Text         `yaml:"path" req:"true" is:"path" doc:"The folder with the kustomization file."`
	Images List[rawPin] `yaml:"images" doc:"The images to pin. By default all images of the freight."`
}

type rawPin struct {
	At
	Word      Text `scalar:"repository" is:"image" doc:"The image's repository."`
	Name      Text `yaml:"name" req:"true" doc:"The image as the manifests call it."`
	NewName   Text `yaml:"newName" is:"image" doc:"The image's repository, where the manifests call it otherwise."`
	Pin       Word `yaml:"pin" enum:"digest|tag|both" default:"digest" doc:"What is written."`
	Warehouse Word `yaml:"warehouse" is:"name" doc:"Whose freight holds it, where two slots do."`
}

type rawHelm struct {
	At
	Chart  Text           `yaml:"chart" req:"true" is:"path" doc:"The folder of the chart."`
	Values List[rawKeyed] `yaml:"values" req:"true" doc:"The values to set."`
}

type rawKeyed struct {
	At
	File  Text  `yaml:"file" is:"path" default:"values.yaml" doc:"The values file, relative to the chart."`
	Key   Text  `yaml:"key" req:"true" is:"key" doc:"The key path: a.b, a\\.b, list[0], list[name=web]."`
	Value Value `yaml:"value" req:"true" doc:"The value."`
}

type rawEdit struct {
	At
	File   Text       `yaml:"file" req:"true" is:"path" doc:"The file in the workspace."`
	Set    Map[Value] `yaml:"set" req:"true" doc:"Key paths with their values."`
	Create Bool       `yaml:"create" default:"false" doc:"A key that is missing is added."`
}

type rawDelete struct {
	At
	Path Text `yaml:"path" req:"true" is:"path" doc:"The file or folder in the workspace."`
}

type rawWrite struct {
	At
	File    Text `yaml:"file" req:"true" is:"path" doc:"The file in the workspace."`
	Content Text `yaml:"content" req:"true" doc:"Its content."`
}

type rawExec struct {
	At
	Command List[Text] `yaml:"command" req:"true" doc:"The program and its arguments; there is no shell."`
}

type rawRender struct {
	At        `one:"kustomize|helm|apps"`
	Kustomize *rawBuild    `yaml:"kustomize" doc:"Prints what kustomize build prints."`
	Helm      *rawTemplate `yaml:"helm" doc:"Prints what helm template prints."`
	Apps      List[rawApp] `yaml:"apps" doc:"Several applications in one stage."`
}

type rawOutput struct {
	At
	Output Text `yaml:"output" is:"path" default:"." doc:"The folder of the workspace that the result goes to; . replaces the workspace."`
	Layout Word `yaml:"layout" enum:"files|single" default:"files" doc:"One file per resource, or all.yaml with the bytes as they are."`
}

type rawBuild struct {
	At
	Path Text `yaml:"path" req:"true" is:"path" doc:"The folder with the kustomization file."`
	rawOutput
}

type rawTemplate struct {
	At
	Chart       Text       `yaml:"chart" req:"true" is:"path" doc:"The folder of the chart."`
	Release     Text       `yaml:"release" is:"name" default:"NAME" doc:"The release; by default the application's name, or the pipeline's."`
	Namespace   Text       `yaml:"namespace" is:"name" default:"default" doc:"The namespace."`
	Values      List[Text] `yaml:"values" is:"path" doc:"Values files in the workspace; later ones win."`
	Set         Map[Value] `yaml:"set" doc:"Key paths with values, over those of the files."`
	KubeVersion Text       `yaml:"kubeVersion" is:"version" doc:"The version of Kubernetes that the chart sees."`
	APIVersions List[Text] `yaml:"apiVersions" doc:"The API versions that the chart sees."`
	IncludeCRDs Bool       `yaml:"includeCRDs" default:"false" doc:"Prints the chart's crds folder as well."`
	SkipTests   Bool       `yaml:"skipTests" default:"false" doc:"Leaves out test hooks."`
	rawOutput
}

type rawApp struct {
	At        `one:"kustomize|helm|directory"`
	Name      Word         `yaml:"name" req:"true" is:"name" doc:"The name of the application."`
	Kustomize *rawBuild    `yaml:"kustomize" doc:"As under render."`
	Helm      *rawTemplate `yaml:"helm" doc:"As under render."`
	Directory Text         `yaml:"directory" is:"path" doc:"A folder of plain manifests."`
	rawOutput
}
