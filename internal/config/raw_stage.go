package config

type rawStage struct {
	At
	Name Word `yaml:"name" req:"true" is:"name" doc:"The name of the stage."`
	rawBody
}

// rawBody is a stage without its name, which is what defaults may say as well.
type rawBody struct {
	At
	Vars         Map[Value]       `yaml:"vars" doc:"Values for expressions, over those of the pipeline."`
	Requests     List[rawRequest] `yaml:"requests" doc:"What the stage asks for: one slot per request, and it holds one freight per slot."`
	Combination  Word             `yaml:"combination" enum:"slot|strict" default:"slot" doc:"With strict, the freight of all slots must have been verified together upstream."`
	Updates      List[rawUpdate]  `yaml:"updates" doc:"What a promotion writes."`
	Files        Word             `yaml:"files" enum:"none" doc:"none: the stage has gates and no files."`
	Control      Bool             `yaml:"control" doc:"true: the stage has neither files nor gates and passes freight on by its rule."`
	Observe      *rawObserve      `yaml:"observe" doc:"The stage is written by people or by another tool."`
	Schedule     *rawSchedule     `yaml:"schedule" doc:"When the stage takes the newest available freight."`
	Verification *rawVerification `yaml:"verification" doc:"What proves freight in this stage; none must be written out."`
	Stale        Text             `yaml:"stale" is:"duration" doc:"Alerts when nothing was promoted here for so long."`
	Publish      *rawPublish      `yaml:"publish" doc:"What is published once freight is verified here."`
	Stamps       *rawStamps       `yaml:"stamps" doc:"Makes several lanes of the stage, each with its own promotions, gates and values."`
	Uses         List[Word]       `yaml:"uses" is:"name" doc:"Named resources that are held from the merge until the verification is final."`
	FailFast     Bool             `yaml:"failFast" default:"false" doc:"Freight that failed in one lane waits in the others, until its result changes or newer freight comes."`
	Prepare      *rawPrepare      `yaml:"prepare" doc:"action run renders the stage ahead of time, to find out early what is wrong and to be quick afterwards."`
}

type rawRequest struct {
	At
	Warehouse    Word             `yaml:"warehouse" req:"true" is:"name" doc:"The warehouse whose freight is asked for."`
	From         List[Word]       `yaml:"from" is:"name" doc:"The upstream stages. Without any, freight comes straight from the warehouse."`
	Availability *rawAvailability `yaml:"availability" default:"any" doc:"How many of the upstream stages must have verified the freight."`
	Soak         Text             `yaml:"soak" is:"duration" doc:"How long the freight must have been in an upstream stage."`
	Select       Word             `yaml:"select" enum:"newest|match-upstream" default:"newest" doc:"The automatic candidate: the newest freight that is available, or what the one upstream stage holds now."`
	Stamps       Word             `yaml:"stamps" enum:"all|any" doc:"Of an upstream stage with stamps: whether every one counts, or any of them. Without it a stage with stamps takes from the same stamp."`
}

type rawAvailability struct {
	At      `one:"atLeast|percent"`
	Word    Word `scalar:"any|all|majority" doc:"One, all, or more than half of the upstream stages."`
	AtLeast Int  `yaml:"atLeast" doc:"This many of the upstream stages."`
	Percent Int  `yaml:"percent" is:"percentage" doc:"This share of the upstream stages, rounded up."`
}

type rawObserve struct {
	At
	Branch Text `yaml:"branch" req:"true" is:"branch" doc:"The branch that is written by others."`
	Path   Text `yaml:"path" is:"folder" default:"." doc:"The folder of it that is this stage."`
}

type rawSchedule struct {
	At
	Cron      Text `yaml:"cron" req:"true" is:"cron" doc:"The times, as a cron line of five fields."`
	Timezone  Text `yaml:"timezone" is:"timezone" default:"UTC" doc:"The time zone of the cron line."`
	Unchanged Word `yaml:"unchanged" enum:"skip|run" default:"skip" doc:"What happens when there is no newer freight."`
}

type rawPublish struct {
	At
	Refs  Bool       `yaml:"refs" default:"true" doc:"Writes refs/tags/verified/PIPELINE/STAGE/FREIGHT."`
	Image Text       `yaml:"image" is:"image" doc:"Copies the image here, by digest."`
	Tags  List[Text] `yaml:"tags" doc:"The tags of the copy."`
}

type rawStamps struct {
	At          `one:"names|count|countFrom|directories"`
	Names       List[Word]      `yaml:"names" is:"name" doc:"One lane per name."`
	Count       Int             `yaml:"count" is:"from1" doc:"So many lanes, named by number."`
	CountFrom   Text            `yaml:"countFrom" is:"fileAndKey" doc:"The number, as file#key of a YAML file of the repository, read with the configuration."`
	Directories Text            `yaml:"directories" is:"glob" doc:"One lane per folder of the repository that matches, called as what the last part with a wildcard stands for."`
	Vars        Map[Map[Value]] `yaml:"vars" doc:"Values for expressions of one lane, over those of the stage."`
}

type rawPrepare struct {
	At
	Needs List[Word] `yaml:"needs" is:"name" doc:"The stages that must be done before it is; none: nobody is waited for."`
}

type rawVerification struct {
	At
	Word  Word          `scalar:"none" doc:"Freight is verified as soon as it is here."`
	Gates List[rawGate] `yaml:"gates" req:"true" doc:"What must, or may, be seen. At least one gate must be required."`
}

type rawGate struct {
	At         `one:"check|status|deployment|dispatch|argocd|external|manual|run"`
	Name       Word         `yaml:"name" req:"true" is:"name" doc:"The name of the gate."`
	Check      Text         `yaml:"check" is:"globName" doc:"The check run of this name; a glob."`
	Status     Text         `yaml:"status" is:"globName" doc:"The commit status of this context; a glob."`
	Deployment Text         `yaml:"deployment" is:"globName" doc:"The deployment to this environment."`
	Dispatch   *rawDispatch `yaml:"dispatch" doc:"A workflow that is started on the default branch; its conclusion counts."`
	ArgoCD     Text         `yaml:"argocd" is:"application" doc:"The status continuous-delivery/APPLICATION that Argo CD's notifications write."`
	External   Word         `yaml:"external" is:"name" doc:"A signed call of an outside system, by this name."`
	Manual     Bool         `yaml:"manual" doc:"true: /verify by the people under by."`
	Run        Text         `yaml:"run" doc:"A shell line that action run runs in a copy of the stage's files; it passes when it ends with 0."`
	Required   Bool         `yaml:"required" default:"true" doc:"Whether the gate must pass. Others are shown and never block."`
	Owner      Text         `yaml:"owner" is:"owner" doc:"Who is told about failures of this gate, and of no other: @user or @org/team."`
	Job        Text         `yaml:"job" doc:"With dispatch: the job whose conclusion counts."`
	Repository Text         `yaml:"repository" is:"repository" doc:"Where the result is looked for, if not in this repository; needs at."`
	Commit     Text         `yaml:"at" doc:"The commit at which it is looked for, if not the arrival's; it may follow from the freight."`
	App        Text         `yaml:"app" doc:"With check: the App that must have written it."`
	Expect     Int          `yaml:"expect" is:"from1" doc:"With check and status: how many that match must pass. By default all that are found, at least one."`
	Pass       List[Word]   `yaml:"pass" enum:"neutral|skipped" doc:"What passes besides success."`
	Within     Text         `yaml:"within" is:"duration" doc:"A result that is missing after this time is a failure. By default it is waited for."`
	Settle     Text         `yaml:"settle" is:"duration" doc:"How long the result must stay."`
	Matrix     List[Text]   `yaml:"matrix" doc:"Makes cells called name (a), all of which must pass."`
	Schedule   *rawSchedule `yaml:"schedule" doc:"With dispatch: runs at these times and not for each arrival."`
	Mirror     Bool         `yaml:"mirror" default:"false" doc:"Writes a check run of the gate's name on the arrival's commit."`
	By         *rawPeople   `yaml:"by" doc:"With manual: who may say so."`
}

type rawDispatch struct {
	At
	Workflow Text       `yaml:"workflow" req:"true" is:"workflow" doc:"The workflow's file name."`
	Inputs   Map[Value] `yaml:"inputs" doc:"The inputs of the workflow."`
	Timeout  Text       `yaml:"timeout" is:"duration" doc:"After this time the run has failed."`
	Retries  Int        `yaml:"retries" is:"from0" default:"0" doc:"How often a failed run is started again; at most 10."`
}

type rawPeople struct {
	At
	Users List[Word] `yaml:"users" is:"person" doc:"Logins."`
	Teams List[Word] `yaml:"teams" is:"team" doc:"Teams, as organisation/team."`
}
