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
	rawImages
	rawOutput
}

type rawImages struct {
	Images List[rawPin] `yaml:"images" doc:"Images of the freight that are set in the manifests as the last step, with the keys of the kustomize directive."`
}

type rawApp struct {
	At        `one:"kustomize|helm|directory"`
	Name      Word          `yaml:"name" req:"true" is:"name" doc:"The name of the application."`
	Kustomize *rawBuild     `yaml:"kustomize" doc:"As under render."`
	Helm      *rawTemplate  `yaml:"helm" doc:"As under render."`
	Directory *rawDirectory `yaml:"directory" doc:"Plain manifests, taken as they are."`
	rawOutput
}

type rawDirectory struct {
	At
	Word Text `scalar:"path" is:"path" doc:"The folder."`
	Path Text `yaml:"path" req:"true" is:"path" doc:"The folder; the files .yaml, .yml and .json in it and below are its manifests."`
	rawImages
}
