package expression

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// maxNodes bounds the size of one expression.
const maxNodes = 200

// builtins are the functions of the language that an expression may call. None
// of them reads anything or makes its result larger than its input; `replace`
// and `string` are our own for that reason.
var builtins = []string{
	"len", "lower", "upper", "trim", "trimPrefix", "trimSuffix", "split",
	"hasPrefix", "hasSuffix", "indexOf", "lastIndexOf", "int", "float", "get", "first", "last",
}

// needFreight are the functions whose result depends on the freight.
var needFreight = []string{"image", "commit", "chart", "freight"}

// functions are those that the scope brings.
var functions = append([]string{"replace", "string"}, needFreight...)

// program is one compiled expression.
type program struct {
	source string
	code   *vm.Program
	roots  []string // the names it uses
	vars   []string // the members of vars it can not do without
	static bool
}

// compile reads one expression and refuses what would not be bounded.
func compile(source string) (*program, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("an expression is at most %d KiB long", maxSource>>10)
	}
	inspect := &inspector{}
	options := []expr.Option{
		expr.Env(declared()), expr.AllowUndefinedVariables(), expr.Optimize(false),
		expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.Patch(inspect),
	}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	code, err := expr.Compile(source, options...)
	if inspect.err != nil {
		return nil, fmt.Errorf("expression `%s`: %w", shorten(source), inspect.err)
	}
	if err != nil {
		return nil, fmt.Errorf("expression `%s`: %s", shorten(source), plain(err))
	}
	static := !slices.ContainsFunc(inspect.roots, func(root string) bool { return slices.Contains(needFreight, root) })
	return &program{source: source, code: code, roots: inspect.roots, vars: inspect.vars, static: static}, nil
}

// run evaluates the expression.
func (p *program) run(scope Scope) (any, error) {
	env := scope.environment()
	if err := p.checkNames(scope, env); err != nil {
		return nil, err
	}
	result, err := expr.Run(p.code, env)
	if err != nil {
		var unknown *UnknownError
		if errors.As(err, &unknown) {
			return nil, unknown
		}
		return nil, fmt.Errorf("expression `%s`: %s", p.short(), plain(err))
	}
	value, err := normal(result)
	if err != nil {
		return nil, fmt.Errorf("expression `%s`: %w", p.short(), err)
	}
	return value, nil
}

// text evaluates the expression into text.
func (p *program) text(scope Scope) (string, error) {
	value, err := p.run(scope)
	if err != nil {
		return "", err
	}
	text, ok := scalar(value)
	if !ok {
		return "", fmt.Errorf("expression `%s` gives a list or a map, which can not stand in text", p.short())
	}
	return text, nil
}

// checkNames reports names that do not exist, which the language itself would
// take for nothing.
func (p *program) checkNames(scope Scope, env map[string]any) error {
	for _, root := range p.roots {
		if _, ok := env[root]; !ok {
			return &UnknownError{Message: fmt.Sprintf("expression `%s`: %q is not known here", p.short(), root)}
		}
	}
	for _, name := range p.vars {
		if _, ok := scope.Vars[name]; !ok {
			return &UnknownError{Message: fmt.Sprintf("expression `%s`: there is no %q under vars", p.short(), name)}
		}
	}
	return nil
}

func (p *program) short() string { return shorten(p.source) }

// normal refuses results that are no plain values.
func normal(result any) (any, error) {
	if err := whole(result); err != nil {
		return nil, err
	}
	switch v := result.(type) {
	case nil:
		return nil, errors.New("it has no value")
	case string:
		if len(v) > maxResult {
			return nil, fmt.Errorf("the result is longer than %d KiB", maxResult>>10)
		}
		return v, nil
	case bool, int, float64, []any, map[string]any:
		return v, nil
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out, nil
	}
	return nil, fmt.Errorf("it gives a %T, which is no value of YAML", result)
}

// whole refuses an artifact of which a part is meant, in lists and maps too.
func whole(value any) error {
	switch v := value.(type) {
	case Image:
		return errors.New("it gives an image; add what is meant: .tag, .digest, .hex, .ref or .revision")
	case Commit:
		return errors.New("it gives a commit; add what is meant: .id or .short")
	case Chart:
		return errors.New("it gives a chart; add what is meant: .name, .version or .digest")
	case Freight:
		return errors.New("it gives freight; add what is meant: .id or .alias")
	case []any:
		for _, item := range v {
			if err := whole(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := whole(v[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain is the message of the language without its drawing of the source, which
// would break a one-line message.
func plain(err error) string {
	message := err.Error()
	var positioned *file.Error
	if errors.As(err, &positioned) {
		message = positioned.Message
	}
	line, _, _ := strings.Cut(message, "\n")
	return strings.Replace(line, "type expression.", "", 1)
}

// inspector walks an expression before it is compiled: it collects the names
// that are used, and refuses what could make the work unbounded.
type inspector struct {
	roots []string
	vars  []string
	err   error
}

// Visit implements the visitor of the language.
func (i *inspector) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		i.root(n.Value)
	case *ast.MemberNode:
		i.member(n)
	case *ast.CallNode:
		i.call(n)
	case *ast.BuiltinNode:
		if !slices.Contains(builtins, n.Name) {
			i.refuse("the function %q is not available", n.Name)
		}
	case *ast.BinaryNode:
		if n.Operator == ".." {
			i.refuse("ranges are not available")
		}
	case *ast.PredicateNode, *ast.PointerNode:
		i.refuse("loops are not available")
	case *ast.VariableDeclaratorNode:
		i.refuse("`let` is not available")
	}
}

func (i *inspector) root(name string) {
	switch {
	case name == "$env":
		i.refuse("%q is not available", name)
	case !slices.Contains(i.roots, name):
		i.roots = append(i.roots, name)
	}
}

// call refuses everything but the functions of the scope. The visitor comes to
// the name of the function before it comes to the call.
func (i *inspector) call(n *ast.CallNode) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		i.refuse("only functions that have a name can be called")
	} else if !slices.Contains(functions, name.Value) {
		i.refuse("the function %q is not available", name.Value)
	}
}

func (i *inspector) member(n *ast.MemberNode) {
	of, isName := n.Node.(*ast.IdentifierNode)
	name, isConstant := n.Property.(*ast.StringNode)
	if isName && isConstant && of.Value == "vars" && !n.Optional {
		i.vars = append(i.vars, name.Value)
	}
}

func (i *inspector) refuse(format string, args ...any) {
	if i.err == nil {
		i.err = fmt.Errorf(format, args...)
	}
}
