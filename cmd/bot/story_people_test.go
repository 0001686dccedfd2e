package main

import "strconv"

// peopleCommands are further acts of people, in words that need more than a line.
func peopleCommands() map[string]command {
	return acting(map[string]command{
		"say":  (*world).sayAct,
		"edit": (*world).editAct,
		"team": (*world).teamAct,
	})
}

// sayAct comments with the text of a file.
func (w *world) sayAct(s *story, args []string) error {
	if len(args) != 3 {
		return usage("say 1|stage/test you file")
	}
	number, err := w.number(args[0])
	if err != nil {
		return err
	}
	_, err = w.hub.Comment(w.repo, number, args[1], w.spoken(s.ReadFile(args[2])))
	return err
}

// editAct changes the n-th comment, from 1, or deletes it.
func (w *world) editAct(_ *story, args []string) error {
	if len(args) < 3 {
		return usage("edit 1|stage/test n you ['/status']")
	}
	number, err := w.number(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	comments := w.hub.Comments(w.repo, number)
	if err != nil || n < 1 || n > len(comments) {
		return usage("edit 1|stage/test n you ['/status']; n counts the comments from 1")
	}
	return w.hub.EditComment(w.repo, comments[n-1].ID, args[2], or(args, 3, ""))
}

// teamAct makes somebody a member of a team.
func (w *world) teamAct(_ *story, args []string) error {
	if len(args) != 3 {
		return usage("team acme sre octo")
	}
	w.hub.AddTeamMember(args[0], args[1], args[2])
	return nil
}
