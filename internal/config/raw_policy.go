package config

// rawPolicy is policy.yaml as it is written.
type rawPolicy struct {
	At
	APIVersion Word                 `yaml:"apiVersion" req:"true" is:"apiVersion" doc:"The version of the language: towpath/v1."`
	Stages     List[rawStagePolicy] `yaml:"stages" doc:"The rules for stages; the first that matches wins."`
	Writes     *rawWrites           `yaml:"writes" doc:"What pipelines may write in this repository."`
	Accept     List[rawAccept]      `yaml:"accept" doc:"The pipelines of other repositories that may write here."`
	Share      List[Word]           `yaml:"share" is:"repository" doc:"The repositories whose pipelines may read this one, when it is private."`
	Caps       *rawCaps             `yaml:"caps" doc:"Limits of what happens at once."`
	Exec       Bool                 `yaml:"exec" default:"false" doc:"Whether directives may run commands, in run mode."`
	Dashboard  Bool                 `yaml:"dashboard" default:"false" doc:"true keeps an issue that shows all pipelines: what every stage holds and what it waits for."`
	Notify     List[rawNotify]      `yaml:"notify" doc:"Who is told about what."`
}

type rawStagePolicy struct {
	At
	Match     Word            `yaml:"match" req:"true" is:"pattern" doc:"The stages that are meant: pipeline/stage or pipeline/stage@stamp, with globs; a bare stage where only one pipeline has it."`
	Auto      Bool            `yaml:"auto" default:"false" doc:"true: promoted as soon as available; false: by /promote only."`
	Merge     *rawMerge       `yaml:"merge" default:"manual" doc:"Who merges promotion pull requests."`
	Require   *rawRequire     `yaml:"require" doc:"The least that a pipeline must ask for."`
	Promote   *rawRight       `yaml:"promote" doc:"Who may promote. By default who may write."`
	Rights    *rawRights      `yaml:"rights" doc:"Who may use other commands. By default as promote."`
	Approvals Int             `yaml:"approvals" is:"from1" doc:"How many approving reviews a promotion's pull request needs."`
	Override  *rawExemption   `yaml:"override" doc:"Who may go past what with /override."`
	Supersede Word            `yaml:"supersede" enum:"replace|queue" default:"replace" doc:"What newer freight does to an open promotion: takes its place, or waits."`
	Windows   List[rawWindow] `yaml:"windows" doc:"When promotions are let in, or not."`
	Freeze    Bool            `yaml:"freeze" default:"false" doc:"true stops every path into the stage."`
}

type rawMerge struct {
	At
	Word   Word `scalar:"manual|auto" doc:"People merge, or we do when GitHub says clean, our check passes and approvals are there."`
	Mode   Word `yaml:"mode" req:"true" enum:"manual|auto" doc:"People merge, or we do."`
	Method Word `yaml:"method" enum:"merge|squash|rebase" default:"merge" doc:"How it is merged."`
}

type rawRequire struct {
	At
	From     List[Word] `yaml:"from" is:"name" doc:"Every request must take its freight through these stages, all of them."`
	Gates    List[Word] `yaml:"gates" is:"name" doc:"The stage must have these gates, required."`
	Soak     Text       `yaml:"soak" is:"duration" doc:"Every request must soak at least so long."`
	Delivery Word       `yaml:"delivery" enum:"pull-request|push" doc:"How updates must be delivered."`
}

type rawRight struct {
	At
	Teams      List[Word] `yaml:"teams" is:"team" doc:"Teams, as organisation/team."`
	Users      List[Word] `yaml:"users" is:"person" doc:"Logins."`
	CodeOwners Bool       `yaml:"codeowners" default:"false" doc:"The code owners of the stage's folder, by the CODEOWNERS of the branch that is written to."`
	Permission Word       `yaml:"permission" enum:"read|triage|write|maintain|admin" default:"write" doc:"The permission that is needed in any case."`
}

type rawRights struct {
	At
	Hold     Word `yaml:"hold" enum:"read|triage|write|maintain|admin" doc:"/hold and /unhold."`
	Takeover Word `yaml:"takeover" enum:"read|triage|write|maintain|admin" doc:"/takeover and /release. A stage that takes from others can be taken over only where this is given."`
	Retest   Word `yaml:"retest" enum:"read|triage|write|maintain|admin" doc:"/retest."`
	Rollback Word `yaml:"rollback" enum:"read|triage|write|maintain|admin" doc:"/rollback."`
	Cancel   Word `yaml:"cancel" enum:"read|triage|write|maintain|admin" doc:"/cancel."`
	Freight  Word `yaml:"freight" enum:"read|triage|write|maintain|admin" doc:"/freight."`
}

type rawExemption struct {
	At
	People Int        `yaml:"people" req:"true" is:"from1" doc:"How many people must say so."`
	Teams  List[Word] `yaml:"teams" is:"team" doc:"Teams whose people count."`
	Users  List[Word] `yaml:"users" is:"person" doc:"Logins that count."`
	Over   List[Word] `yaml:"over" req:"true" enum:"verification|soak|window" doc:"What may be gone past."`
}

type rawWindow struct {
	At       `one:"deny|allow"`
	Deny     *rawSpan `yaml:"deny" doc:"Nothing is promoted then."`
	Allow    *rawSpan `yaml:"allow" doc:"Promotions happen then only."`
	For      Text     `yaml:"for" is:"duration" doc:"With a cron line: how long from each of its times, by the clock."`
	Timezone Text     `yaml:"timezone" is:"timezone" default:"UTC" doc:"The time zone of the cron line, or of the days."`
}

type rawSpan struct {
	At
	Cron Text `scalar:"cron line" is:"cron" doc:"The times it begins, as a cron line."`
	From Text `yaml:"from" req:"true" is:"date" doc:"The first day, from its midnight, or moment."`
	To   Text `yaml:"to" req:"true" is:"date" doc:"The last day, until its end, or moment."`
}

type rawWrites struct {
	At
	Branches List[Word]      `yaml:"branches" is:"glob" default:"stage/**" doc:"The branches that may be written. The default branch must be named as it is; no glob means it."`
	Paths    Map[List[Word]] `yaml:"paths" is:"glob" doc:"For a branch: the folders that may be written."`
	Adopt    List[Word]      `yaml:"adopt" is:"glob" doc:"The branches that may be taken over."`
}

type rawAccept struct {
	At
	From   Word       `yaml:"from" req:"true" is:"repository" doc:"The repository of the pipeline."`
	Stages List[Word] `yaml:"stages" req:"true" is:"pattern" doc:"The stages that may write here."`
}

type rawCaps struct {
	At
	Promotions Int      `yaml:"promotions" is:"from1" doc:"How many promotion pull requests of the repository's pipelines are open at once."`
	Resources  Map[Int] `yaml:"resources" is:"from1" doc:"How many stages may hold a named resource at once."`
}

type rawNotify struct {
	At
	On     List[Word] `yaml:"on" req:"true" enum:"failed|stale|streak|reversed|discovery-failed|render-failed|promotion-failed|push-refused|conflict|publish-failed|gate-failed|gate-timed-out" doc:"The events. failed is any kind of failure."`
	Match  Word       `yaml:"match" is:"pattern" default:"*/*" doc:"The stages."`
	To     Word       `yaml:"to" req:"true" enum:"slack|webhook|issue" doc:"The kind of receiver: an incoming webhook of Slack, a signed call, or an issue of this repository."`
	Secret Word       `yaml:"secret" is:"secret" doc:"With slack and webhook: the name X of the server's TOWPATH_SECRET_X that holds the address."`
}
