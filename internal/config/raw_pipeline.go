package config

// rawPipeline is pipeline.yaml as it is written.
type rawPipeline struct {
	At
	APIVersion Word               `yaml:"apiVersion" req:"true" is:"apiVersion" doc:"The version of the language: towpath/v1."`
	Each       *rawEach           `yaml:"each" doc:"Makes one pipeline per service, platform or whatever the file stands for."`
	Name       Text               `yaml:"name" req:"true" is:"name" doc:"The name of the pipeline, unique in the repository."`
	Vars       Map[Value]         `yaml:"vars" doc:"Values for expressions, as vars.NAME. They may use the name that each gives."`
	Warehouses List[rawWarehouse] `yaml:"warehouses" req:"true" doc:"The origins of freight."`
	Defaults   *rawDefaults       `yaml:"defaults" doc:"What a stage is that does not say otherwise."`
	Stages     List[rawStage]     `yaml:"stages" req:"true" doc:"The places that freight moves through."`
}

type rawEach struct {
	At          `one:"directories|values|file"`
	Directories Word        `yaml:"directories" is:"glob" doc:"One pipeline per folder that matches. A towpath.yaml in the folder may override vars."`
	Values      List[Value] `yaml:"values" doc:"One pipeline per value."`
	File        Word        `yaml:"file" is:"path" doc:"One pipeline per item of the list in this YAML file."`
	As          Word        `yaml:"as" req:"true" is:"identifier" doc:"The name of the value in expressions; of a folder it is the last part of its path."`
	Except      List[Word]  `yaml:"except" is:"glob" doc:"Values that make no pipeline."`
}

// rawOverride is the towpath.yaml in a folder of each.directories.
type rawOverride struct {
	At
	Vars Map[Value] `yaml:"vars" doc:"Values that take the place of the file's."`
}

type rawDefaults struct {
	At
	Stage *rawBody `yaml:"stage" doc:"Keys of a stage. A stage's own key replaces the default whole."`
}

type rawWarehouse struct {
	At
	Name          Word                  `yaml:"name" req:"true" is:"name" doc:"The name of the warehouse."`
	Subscriptions List[rawSubscription] `yaml:"subscriptions" req:"true" doc:"What its freight consists of: one artifact of each."`
	Assemble      Word                  `yaml:"assemble" enum:"automatic|manual" default:"automatic" doc:"Whether freight is made by itself, or by people."`
	When          Word                  `yaml:"when" is:"expression" doc:"Freight is made only when this expression is true."`
}

type rawSubscription struct {
	At    `one:"image|git|chart"`
	Image *rawImage `yaml:"image" doc:"The tags of a container image."`
	Git   *rawGit   `yaml:"git" doc:"The commits of a repository."`
	Chart *rawChart `yaml:"chart" doc:"The versions of a Helm chart."`
}

type rawImage struct {
	At
	Repository Text            `yaml:"repository" req:"true" is:"image" doc:"The image, without tag and digest."`
	Select     Word            `yaml:"select" enum:"semver|newest-build|lexical|digest" default:"semver" doc:"How one of the tags is picked: the highest version, the newest build, the last in the alphabet, or whatever one mutable tag points at."`
	Constraint Text            `yaml:"constraint" doc:"With semver: the versions that are admitted. With digest: the tag that is followed."`
	Allow      List[Text]      `yaml:"allow" is:"regexp" doc:"Tags must match one of these."`
	Ignore     List[Text]      `yaml:"ignore" is:"regexp" doc:"Tags that match one of these are left out."`
	Platform   Text            `yaml:"platform" is:"platform" doc:"The image must have been built for it."`
	Identity   Word            `yaml:"identity" enum:"digest|tag" default:"digest" doc:"Whether a new tag on a known digest is new freight: with tag it is."`
	Channels   Map[rawChannel] `yaml:"channels" doc:"Pre-releases, for stages that are taken over only."`
}

type rawChannel struct {
	At
	Tag        Text `yaml:"tag" req:"true" is:"regexp" doc:"The tags of the channel; the group is the number of the pull request. They make no other freight."`
	Repository Text `yaml:"repository" is:"repository" default:"." doc:"The repository whose pull requests are meant."`
}

type rawGit struct {
	At
	Repository Text       `yaml:"repository" is:"repository" default:"." doc:"The repository; . is the one of the pipeline."`
	Branch     Text       `yaml:"branch" is:"branch" doc:"The branch that is followed. By default the default branch."`
	Tags       *rawTags   `yaml:"tags" doc:"Follows tags in place of a branch."`
	Include    List[Text] `yaml:"include" is:"glob" doc:"Only a change of these paths makes freight. By default all."`
	Exclude    List[Text] `yaml:"exclude" is:"glob" doc:"A change of these paths makes none."`
}

type rawTags struct {
	At     `one:"semver|regexp"`
	Semver Text `yaml:"semver" is:"constraint" doc:"The highest of the tags that are versions and that this constraint admits; with or without a v before them."`
	Regexp Text `yaml:"regexp" is:"regexp" doc:"The last by name of the tags that match, where numbers in names count as numbers: release-10 comes after release-9."`
}

type rawChart struct {
	At
	Repository Text `yaml:"repository" req:"true" is:"chart" doc:"The repository: oci://… with the chart's name, or the https://… of an index."`
	Name       Text `yaml:"name" doc:"The chart's name in an index."`
	Constraint Text `yaml:"constraint" is:"constraint" doc:"The versions that are admitted."`
}
