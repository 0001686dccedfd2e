package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// What one file may make: so many pipelines, and its bytes times their number.
const (
	maxInstances = 2000
	maxWork      = 32 << 20
)

// instance is one pipeline of a file with `each`.
type instance struct {
	label    string         // how mistakes name it; empty without each
	each     map[string]any // the name with its value
	override Map[Value]     // the vars of the folder's own file
}

// instances works out `each`. The size is that of the file.
func (raw rawPipeline) instances(size int, ctx Context, found *collector) []instance {
	if raw.Each == nil {
		return []instance{{}}
	}
	each := *raw.Each
	var out []instance
	switch {
	case each.Directories.Set():
		out = each.folders(ctx, found)
	case each.File.Set():
		out = each.listed(ctx, found)
	default:
		e := &evaluator{collector: found}
		for _, v := range each.Values.Items {
			out = append(out, each.instance(e.value(v), len(out)+1))
		}
	}
	out = slices.DeleteFunc(out, func(i instance) bool { return each.excepts(i.each[each.As.Value]) })
	if len(out) > maxInstances || len(out)*size > maxWork {
		found.add(each.At, "`each` makes %d pipelines of a file of %d bytes, which is too much", len(out), size)
		return nil
	}
	if len(out) == 0 && found.empty() {
		found.add(each.At, "`each` makes no pipeline at all")
	}
	return out
}

// instance names a value for messages: itself, or its place in the list.
func (e rawEach) instance(value any, number int) instance {
	label := fmt.Sprintf("%s %d", e.As.Value, number)
	switch value.(type) {
	case string, int, float64, bool:
		label = fmt.Sprintf("%s %s", e.As.Value, shorten(fmt.Sprint(value)))
	}
	return instance{label: label, each: map[string]any{e.As.Value: value}}
}

func (e rawEach) excepts(value any) bool {
	name, ok := value.(string)
	return ok && slices.ContainsFunc(values(e.Except), func(glob string) bool {
		match, err := path.Match(glob, name)
		return match && err == nil
	})
}

// folders makes one instance per folder, with the vars of its towpath.yaml.
func (e rawEach) folders(ctx Context, found *collector) []instance {
	if ctx.Tree == nil {
		found.add(e.Directories.At, "`directories` needs the files of the repository, which are not at hand")
		return nil
	}
	matches, err := fs.Glob(ctx.Tree, e.Directories.Value)
	if err != nil {
		found.add(e.Directories.At, "list %s: %s", e.Directories.Value, err)
		return nil
	}
	slices.Sort(matches)
	var out []instance
	for _, name := range matches {
		info, err := fs.Stat(ctx.Tree, name)
		if err != nil || !info.IsDir() {
			continue // a file beside the folders
		}
		made := e.instance(path.Base(name), len(out)+1)
		if !e.excepts(path.Base(name)) {
			made.override = readOverride(ctx.Tree, overrideFile(name), e.Directories.At, found)
		}
		out = append(out, made)
	}
	return out
}

// readOverride reads the towpath.yaml of a folder, if there is one.
func readOverride(tree fs.FS, name string, from At, found *collector) Map[Value] {
	var raw rawOverride
	data, err := fs.ReadFile(tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		found.add(from, "read %s: %s", name, err)
	default:
		decodeFile(File{Name: name, Data: data}, overrideGrammar(), &raw, found)
	}
	return raw.Vars
}

// listed makes one instance per item of a list in a file.
func (e rawEach) listed(ctx Context, found *collector) []instance {
	if ctx.Tree == nil {
		found.add(e.File.At, "`file` needs the files of the repository, which are not at hand")
		return nil
	}
	data, err := fs.ReadFile(ctx.Tree, path.Clean(e.File.Value))
	if err != nil {
		found.add(e.File.At, "read %s: %s", e.File.Value, err)
		return nil
	}
	var list List[Value]
	decodeFile(File{Name: path.Clean(e.File.Value), Data: data}, pipelineGrammar(), &list, found)
	eval := &evaluator{collector: found}
	var out []instance
	for _, v := range list.Items {
		out = append(out, e.instance(eval.value(v), len(out)+1))
	}
	return out
}
