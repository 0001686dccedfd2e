package report

// Dashboard is the issue that shows all pipelines of a repository: what every
// stage holds, and what it waits for until when.
func Dashboard(views []View, mistakes []string) (title, body string) {
	return "Towpath", "What every stage holds, and what it waits for. This text is edited in place; pin the issue to have it at hand, and comment `/status` or `/why <stage>` for all there is to say.\n\n" +
		blocks(views, mistakes)
}
