package gen

import (
	"cmp"
	"go/types"
	"reflect"
	"strings"
)

// fieldTag is what the tags of a field say.
type fieldTag struct {
	name        string
	skip        bool
	optional    bool
	description string
}

func parseTag(text string) fieldTag {
	tag := reflect.StructTag(text)
	name, options, _ := strings.Cut(tag.Get("json"), ",")
	rules := tag.Get("jsonschema")
	return fieldTag{
		name:        name,
		skip:        name == "-" && options == "" || rules == "-",
		optional:    strings.Contains(options, "omit") || strings.Contains(","+rules, ",default="),
		description: tag.Get("jsonschema_description"),
	}
}

// fieldParams lists the arguments that the fields of a struct are.
func (p *Package) fieldParams(t types.Type, seen map[types.Type]bool) []Param {
	st, ok := t.Underlying().(*types.Struct)
	if !ok || seen[t] {
		return nil
	}
	seen[t] = true
	var all []Param
	for i := range st.NumFields() {
		f, tag := st.Field(i), parseTag(st.Tag(i))
		base := deref(f.Type())
		_, isStruct := base.Underlying().(*types.Struct)
		switch {
		case tag.skip:
		case f.Anonymous() && isStruct && tag.name == "":
			all = append(all, p.fieldParams(base, seen)...)
		case f.Exported():
			comment := tag.description
			if comment == "" {
				comment = p.fieldComment(t, f.Name())
			}
			all = append(all, p.param(cmp.Or(tag.name, f.Name()), f.Type(), !tag.optional && !isPointer(f.Type()), comment))
		}
	}
	return all
}

func (p *Package) fieldComment(t types.Type, field string) string {
	if info := p.want(t); info != nil {
		for _, f := range info.fields {
			if f.name == field {
				return f.comment
			}
		}
	}
	return ""
}

// param describes one argument. Without a comment of its own it has its type's.
func (p *Package) param(name string, t types.Type, required bool, comment string) Param {
	one := Param{Name: name, Type: typeText(t), Required: required, Description: comment}
	if info := p.want(deref(t)); info != nil {
		one.Description = cmp.Or(comment, info.comment)
		one.Enum = info.enum
	}
	return one
}
