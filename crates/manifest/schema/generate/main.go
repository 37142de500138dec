// Command schema prints the shape of the Go types behind the API objects that wavetank reads.
//
// Run `go run . > ../types.txt` in this folder. Every line of the output is one of
//
//	struct NAME [atomic]        the fields that follow belong to this struct; atomic: it has one
//	                            owner as a whole
//	GONAME JSON TYPE [WORD...]  a field; JSON is "+" for an inlined struct; the words are
//	                            omitempty, strategy=S and key=K (strategic merge), list=set and
//	                            list=map:K,K (lists whose items have an owner each), atomic (a map
//	                            or struct that has one owner as a whole) and default=V (what stands
//	                            for a text that is left out, if it is such a key)
//	alias NAME TYPE             a named type that is no struct
//	opaque NAME                 a struct with its own JSON form
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"reflect"
	"sort"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
)

var opaque = map[string]bool{
	"meta/v1.Time": true, "meta/v1.MicroTime": true, "meta/v1.FieldsV1": true, "resource.Quantity": true,
	"intstr.IntOrString": true, "meta/v1.Duration": true,
}

type printer struct {
	lines map[string][]string
	// By package path, then by "Type" or "Type.Field".
	markers map[string]map[string][]string
}

// marker finds the value of a marker such as "+listType=" of a type or of a field of it. Which lists
// have keys is said nowhere but in the comments of the types.
func (p *printer) marker(t reflect.Type, field, marker string) (string, bool) {
	lines := p.markersOf(t)[t.Name()+field]
	for _, line := range lines {
		if value, found := strings.CutPrefix(line, "+"+marker+"="); found {
			return value, true
		}
	}
	return "", false
}

func (p *printer) markersOf(t reflect.Type) map[string][]string {
	if known, seen := p.markers[t.PkgPath()]; seen {
		return known
	}
	found := map[string][]string{}
	p.markers[t.PkgPath()] = found
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", t.PkgPath()).Output()
	if err != nil {
		panic(err)
	}
	packages, err := parser.ParseDir(token.NewFileSet(), strings.TrimSpace(string(dir)), nil, parser.ParseComments)
	if err != nil {
		panic(err)
	}
	lines := func(comment *ast.CommentGroup) []string {
		var lines []string
		if comment == nil {
			return nil
		}
		for _, line := range comment.List {
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line.Text, "//")))
		}
		return lines
	}
	for _, each := range packages {
		ast.Inspect(each, func(node ast.Node) bool {
			declaration, is := node.(*ast.GenDecl)
			if !is {
				return true
			}
			for _, spec := range declaration.Specs {
				of, is := spec.(*ast.TypeSpec)
				if !is {
					continue
				}
				found[of.Name.Name] = append(lines(declaration.Doc), lines(of.Doc)...)
				body, is := of.Type.(*ast.StructType)
				if !is {
					continue
				}
				for _, field := range body.Fields.List {
					for _, name := range field.Names {
						found[of.Name.Name+"."+name.Name] = lines(field.Doc)
					}
				}
			}
			return false
		})
	}
	return found
}

// topology says in words how the owners of fields are told apart. Where no marker says it, the words
// for strategic merge do.
func (p *printer) topology(t reflect.Type, field reflect.StructField) string {
	words := ""
	list, marked := p.marker(t, "."+field.Name, "listType")
	var keys []string
	for _, line := range p.markersOf(t)[t.Name()+"."+field.Name] {
		if key, found := strings.CutPrefix(line, "+listMapKey="); found {
			keys = append(keys, key)
		}
	}
	if !marked && field.Type.Kind() == reflect.Slice && strings.HasPrefix(field.Tag.Get("patchStrategy"), "merge") {
		list = "set"
		if key := field.Tag.Get("patchMergeKey"); key != "" {
			list, keys = "map", []string{key}
		}
	}
	switch list {
	case "map":
		words += " list=map:" + strings.Join(keys, ",")
	case "set":
		words += " list=set"
	}
	for _, marker := range []string{"mapType", "structType"} {
		if value, _ := p.marker(t, "."+field.Name, marker); value == "atomic" {
			words += " atomic"
		}
	}
	if value, found := p.marker(t, "."+field.Name, "default"); found {
		if text := strings.Trim(value, "\""); text != value && !strings.ContainsAny(text, " ") && text != "" {
			words += " default=" + text
		}
	}
	return words
}

// name spells a named type: the last two parts of the package path for API groups, else the last.
func name(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	last := parts[len(parts)-1]
	if strings.HasPrefix(last, "v") && len(parts) > 1 && last[1] >= '0' && last[1] <= '9' {
		last = parts[len(parts)-2] + "/" + last
	}
	return last + "." + t.Name()
}

func (p *printer) spell(t reflect.Type) string {
	if t.PkgPath() != "" {
		p.declare(t)
		return name(t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + p.spell(t.Elem())
	case reflect.Slice:
		return "[]" + p.spell(t.Elem())
	case reflect.Map:
		return "map[" + p.spell(t.Key()) + "]" + p.spell(t.Elem())
	default:
		return t.Kind().String()
	}
}

func (p *printer) declare(t reflect.Type) {
	name := name(t)
	if _, seen := p.lines[name]; seen {
		return
	}
	p.lines[name] = nil
	if opaque[name] {
		p.lines[name] = []string{"opaque " + name}
		return
	}
	if t.Kind() != reflect.Struct {
		var under string
		switch t.Kind() {
		case reflect.Map:
			under = "map[" + p.spell(t.Key()) + "]" + p.spell(t.Elem())
		case reflect.Slice:
			under = "[]" + p.spell(t.Elem())
		default:
			under = t.Kind().String()
		}
		p.lines[name] = []string{"alias " + name + " " + under}
		return
	}
	head := "struct " + name
	if value, _ := p.marker(t, "", "structType"); value == "atomic" {
		head += " atomic"
	}
	lines := []string{head}
	for index := range t.NumField() {
		field := t.Field(index)
		tag := strings.Split(field.Tag.Get("json"), ",")
		json := tag[0]
		words := ""
		for _, option := range tag[1:] {
			switch option {
			case "inline":
				json = "+"
			case "omitempty":
				words += " omitempty"
			}
		}
		if json == "" {
			json = "+"
		}
		if strategy := field.Tag.Get("patchStrategy"); strategy != "" {
			words += " strategy=" + strategy
		}
		if key := field.Tag.Get("patchMergeKey"); key != "" {
			words += " key=" + key
		}
		words += p.topology(t, field)
		lines = append(lines, fmt.Sprintf("%s %s %s%s", field.Name, json, p.spell(field.Type), words))
	}
	p.lines[name] = lines
}

func main() {
	p := &printer{lines: map[string][]string{}, markers: map[string]map[string][]string{}}
	for _, root := range []any{
		appsv1.Deployment{}, appsv1.ReplicaSet{}, appsv1.StatefulSet{}, appsv1.DaemonSet{}, batchv1.Job{},
		batchv1.CronJob{}, corev1.Pod{}, corev1.ReplicationController{}, corev1.Service{}, corev1.ConfigMap{},
		corev1.Namespace{}, corev1.Node{}, autoscalingv1.HorizontalPodAutoscaler{}, autoscalingv1.Scale{},
		autoscalingv2.HorizontalPodAutoscaler{}, corev1.Endpoints{}, corev1.Event{}, corev1.Binding{},
		discoveryv1.EndpointSlice{}, networkingv1.Ingress{}, policyv1.PodDisruptionBudget{}, policyv1.Eviction{},
	} {
		p.declare(reflect.TypeOf(root))
	}
	names := make([]string, 0, len(p.lines))
	for name := range p.lines {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, line := range p.lines[name] {
			if _, err := fmt.Fprintln(os.Stdout, line); err != nil {
				os.Exit(1)
			}
		}
	}
}
