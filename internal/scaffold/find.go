package scaffold

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// overlayFolders are names of folders in which every folder is a stage.
var overlayFolders = []string{"overlays", "overlay", "stages", "envs", "env", "environments", "environment", "clusters"}

// overlays are the folders that have a kustomization per stage.
func (s *seen) overlays() []app {
	children := map[string][]string{}
	var parents []string
	for _, dir := range s.kustom {
		parent := path.Dir(dir)
		_, known := levelOf(path.Base(dir))
		if dir == "." || !known && !slices.Contains(overlayFolders, path.Base(parent)) {
			continue
		}
		if children[parent] == nil {
			parents = append(parents, parent)
		}
		children[parent] = append(children[parent], path.Base(dir))
	}
	var out []app
	for _, parent := range parents {
		a := app{kind: Kustomize, dir: parent}
		a.stages, a.left = s.stagesOf(parent, children[parent])
		if len(a.stages) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// kustomizations are those that no other one is made of, each for every stage.
func (s *seen) kustomizations() []app {
	var out []app
	for _, dir := range s.kustom {
		above := slices.ContainsFunc(s.kustom, func(other string) bool {
			return other != dir && slices.Contains(s.closure(other), dir)
		})
		if !above {
			out = append(out, app{kind: Kustomize, dir: dir, single: true, stages: twoStages()})
		}
	}
	return out
}

// folder is what a stage is built from.
func (a app) folder(st stage) string {
	if a.single {
		return a.dir
	}
	return path.Join(a.dir, st.word)
}

// gather finds the images that all stages of an application have, and what they need
// besides their folders.
func (s *seen) gather(a *app) {
	for i, st := range a.stages {
		var images []image
		switch own := a.folder(st); a.kind {
		case Helm:
			images = s.valuesImages(path.Join(own, "values.yaml"))
		case Manifests:
			images = s.imagesIn(s.in(own))
		default:
			parts := s.closure(own)
			images = s.pinned(own, parts)
			for _, part := range parts {
				if within(part, own) {
					continue
				}
				a.shared = append(a.shared, part)
				if s.isFile(part) {
					a.sharedFiles = append(a.sharedFiles, part)
				}
			}
		}
		if i == 0 {
			a.images = images
		}
		a.images = slices.DeleteFunc(slices.Clone(a.images), func(was image) bool {
			gone := !slices.ContainsFunc(images, func(now image) bool { return now.name == was.name && now.newName == was.newName })
			if gone {
				s.leave("image %s: not every stage of %s has it", was.repository(), a.dir)
			}
			return gone
		})
	}
	slices.Sort(a.shared)
	all := slices.Compact(a.shared)
	a.shared = slices.DeleteFunc(slices.Clone(all), func(part string) bool {
		return slices.ContainsFunc(all, func(o string) bool { return o != part && within(part, o) })
	})
}

// kustomization is what is read of a kustomization file.
type kustomization struct {
	Resources, Bases, Components, Crds, Configurations, Transformers, Generators []string

	PatchesStrategicMerge []string `yaml:"patchesStrategicMerge"`
	PatchesJSON6902       []struct {
		Path string
	} `yaml:"patchesJson6902"`
	Patches            []struct{ Path string }
	Replacements       []struct{ Path string }
	ConfigMapGenerator []generated `yaml:"configMapGenerator"`
	SecretGenerator    []generated `yaml:"secretGenerator"`
	Images             []struct {
		Name    string
		NewName string `yaml:"newName"`
		NewTag  string `yaml:"newTag"`
	}
}

type generated struct {
	Files, Envs []string
	Env         string
}

// refers are the paths and addresses that a kustomization names.
func (k kustomization) refers() []string {
	out := slices.Concat(k.Resources, k.Bases, k.Components, k.Crds, k.Configurations, k.Transformers, k.Generators, k.PatchesStrategicMerge)
	for _, p := range slices.Concat(k.Patches, k.Replacements) {
		out = append(out, p.Path)
	}
	for _, p := range k.PatchesJSON6902 {
		out = append(out, p.Path)
	}
	for _, g := range slices.Concat(k.ConfigMapGenerator, k.SecretGenerator) {
		for _, file := range g.Files {
			_, after, renamed := strings.Cut(file, "=")
			if renamed {
				file = after
			}
			out = append(out, file)
		}
		out = append(append(out, g.Envs...), g.Env)
	}
	return slices.DeleteFunc(out, func(name string) bool { return name == "" || strings.Contains(name, "\n") })
}

// kustomizationIn reads that of a folder.
func (s *seen) kustomizationIn(dir string) (out kustomization) {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		for _, node := range s.documents(path.Join(dir, name)) {
			_ = node.Decode(&out) // what is not as expected is left out; rendering says why
			return out
		}
	}
	return out
}

// closure are the folders and files that a kustomization is made of, the folder
// itself included.
func (s *seen) closure(dir string) []string {
	out := []string{dir}
	for i := 0; i < len(out); i++ {
		if s.isFile(out[i]) {
			continue
		}
		for _, name := range s.kustomizationIn(out[i]).refers() {
			at := path.Join(out[i], name)
			switch {
			case strings.Contains(name, "://") || strings.HasPrefix(name, "github.com/") || strings.Contains(name, "?ref=") || strings.HasPrefix(name, "git@"):
				s.leave("%s in %s: rendering reaches no other place; copy it into the repository", show(name), show(out[i]))
			case at == ".." || strings.HasPrefix(at, "../") || !usable(at):
				s.leave("%s in %s: it is not in this repository", show(name), show(out[i]))
			case !slices.Contains(out, at):
				out = append(out, at)
			}
		}
	}
	return out
}

// pinned are the images of a stage as its own kustomization would name them.
func (s *seen) pinned(own string, parts []string) []image {
	var files []string
	for _, part := range parts {
		if s.isFile(part) {
			files = append(files, part)
		}
	}
	found := s.imagesIn(files)
	for i := len(parts) - 1; i >= 0; i-- { // what is below renames first
		for _, renamed := range s.kustomizationIn(parts[i]).Images {
			at := slices.IndexFunc(found, func(o image) bool { return o.name == renamed.Name })
			if s.isFile(parts[i]) || at < 0 {
				continue
			}
			if renamed.NewTag != "" {
				found[at].tag = renamed.NewTag
			}
			switch {
			case renamed.NewName == "":
			case parts[i] == own:
				found[at].newName = renamed.NewName
			default:
				found[at].name = renamed.NewName
			}
		}
	}
	return found
}

// charts are the charts that are not a part of another one.
func (s *seen) charts() []app {
	var out []app
	for _, dir := range s.chartsAt {
		inner := slices.ContainsFunc(s.chartsAt, func(o string) bool { return o != dir && within(dir, o) })
		var chart struct{ Type string }
		for _, node := range s.documents(path.Join(dir, "Chart.yaml")) {
			_ = node.Decode(&chart)
		}
		if inner || chart.Type == "library" {
			continue
		}
		a := app{kind: Helm, dir: dir, single: true}
		s.valuesOf(&a)
		if len(a.stages) == 0 {
			a.stages = twoStages()
		}
		out = append(out, a)
	}
	return out
}

// stageMark stands for the word of a stage in the name of a values file.
const stageMark = "\x00"

// valuesOf finds a file of values per stage, in the chart or in a folder beside it,
// by the pattern that the most stages follow.
func (s *seen) valuesOf(a *app) {
	found := map[string][]string{} // pattern → words
	for _, name := range s.files {
		dir, base := path.Split(name)
		dir = path.Clean(dir)
		word := strings.TrimSuffix(base, path.Ext(base))
		if !isYAML(name) || within(dir, path.Join(a.dir, "templates")) || within(dir, path.Join(a.dir, "charts")) || within(dir, path.Join(a.dir, "ci")) {
			continue
		}
		if slices.ContainsFunc(s.chartsAt, func(o string) bool { return o != a.dir && within(dir, o) && !within(a.dir, o) }) {
			continue // another chart's
		}
		near := within(dir, a.dir) || within(path.Dir(a.dir), dir) || within(dir, path.Dir(a.dir)) || slices.Contains(overlayFolders, path.Base(dir))
		pattern := ""
		switch rest, is := strings.CutPrefix(word, "values"); {
		case is && len(rest) > 1 && strings.ContainsRune("-._", rune(rest[0])):
			word, pattern = rest[1:], path.Join(dir, "values"+rest[:1]+stageMark+path.Ext(base))
		case word == "values" && dir != a.dir:
			word, pattern = path.Base(dir), path.Join(path.Dir(dir), stageMark, base)
		case slices.Contains(append(overlayFolders, "values"), path.Base(dir)):
			pattern = path.Join(dir, stageMark+path.Ext(base))
		}
		if _, known := levelOf(word); near && pattern != "" && known {
			found[pattern] = append(found[pattern], word)
		}
	}
	for pattern, of := range found {
		best := len(found[a.values])
		if len(of) > best || len(of) == best && (a.values == "" || pattern < a.values) {
			a.values = pattern
		}
	}
	a.stages, a.left = s.stagesOf(a.dir, found[a.values])
}

// valuesImages are those that a chart's values name by parts, as charts do.
func (s *seen) valuesImages(name string) []image {
	var out []image
	var walk func(node *yaml.Node, at []string)
	walk = func(node *yaml.Node, at []string) {
		values := map[string]string{}
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			key := node.Content[i].Value
			values[key] = node.Content[i+1].Value
			walk(node.Content[i+1], append(slices.Clone(at), strings.ReplaceAll(key, ".", `\.`)))
		}
		found := image{name: values["repository"], tag: values["tag"]}
		if values["registry"] != "" && found.name != "" {
			found.name = values["registry"] + "/" + found.name
		}
		_, tagged := values["tag"]
		if _, has := values["digest"]; has && keyPath.MatchString(strings.Join(at, ".")) {
			found.values = strings.Join(at, ".")
		}
		if tagged && reference.MatchString(found.name) {
			out = addImage(out, found)
		}
	}
	for _, node := range s.documents(name) {
		for _, below := range node.Content {
			walk(below, nil)
		}
	}
	for _, whole := range s.imagesIn([]string{name}) {
		out = addImage(out, whole)
	}
	return out
}

// keyPath are the keys that a value is set by; others would need thought.
var keyPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// manifests is the folder with the most manifests that name images, for every stage;
// or the folder of folders that are called like stages.
func (s *seen) manifests() []app {
	count := map[string]int{}
	best := ""
	for _, name := range s.files {
		dir := path.Dir(name)
		if dir == "." || !isYAML(name) || !s.isManifest(name) || len(s.imagesIn([]string{name})) == 0 {
			continue
		}
		count[dir]++
		if best == "" || count[dir] > count[best] {
			best = dir
		}
	}
	if best == "" {
		return nil
	}
	a := app{kind: Manifests, dir: path.Dir(best)}
	var found []string
	for _, dir := range slices.Sorted(maps.Keys(count)) {
		if _, known := levelOf(path.Base(dir)); known && path.Dir(dir) == a.dir {
			found = append(found, path.Base(dir))
		}
	}
	if a.stages, a.left = s.stagesOf(a.dir, found); slices.Contains(found, path.Base(best)) {
		return []app{a}
	}
	return []app{{kind: Manifests, dir: best, single: true, stages: twoStages()}}
}

func (s *seen) isManifest(name string) bool {
	for _, node := range s.documents(name) {
		var head struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
		}
		if node.Decode(&head) == nil && head.APIVersion != "" && head.Kind != "" {
			return true
		}
	}
	return false
}
