package config

import "github.com/towpath/towpath/internal/directives"

type rawCopy struct {
	At
	Repository Text       `yaml:"repository" is:"repository" default:"." doc:"The source; . is the repository of the pipeline."`
	Ref        Text       `yaml:"ref" doc:"The branch, tag or commit to read, in place of the commit in the freight; head is today's default branch."`
	From       Text       `yaml:"from" req:"true" is:"path" doc:"The file or folder in the source."`
	To         Text       `yaml:"to" req:"true" is:"path" doc:"Where it goes in the workspace."`
	Warehouse  Word       `yaml:"warehouse" is:"name" doc:"Whose freight gives the commit, where two slots hold the same source."`
	Ignore     List[Text] `yaml:"ignore" doc:"What is left out, in the syntax of gitignore, relative to from."`
}

func (raw *rawCopy) build(e *evaluator) directives.Directive {
	e.knownWarehouse(raw.Warehouse)
	return directives.Copy{
		Source: directives.SourceRef{
			Repository: e.or(raw.Repository, "."),
			Ref:        e.text(raw.Ref),
			Warehouse:  raw.Warehouse.Value,
		},
		From:   e.path(raw.From, "."),
		To:     e.path(raw.To, "."),
		Ignore: e.texts(raw.Ignore),
	}
}
