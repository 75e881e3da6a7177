package cli

import (
	"context"
	"fmt"
	"strings"
	"text/template"
)

// A completionOutcome is the answer to completion.
type completionOutcome struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func (o *completionOutcome) lines() []string {
	return strings.Split(strings.TrimSuffix(o.Script, "\n"), "\n")
}

func runCompletion(_ context.Context, c *call) (outcome, error) {
	if len(c.args) != 1 {
		return nil, usageError("otactl completion bash|zsh|fish", "completion takes the name of a shell")
	}
	text, ok := completionScripts[c.args[0]]
	if !ok {
		return nil, usageError("there are scripts for bash, zsh and fish", "no completion for the shell %q", c.args[0])
	}
	t, err := template.New(c.args[0]).Funcs(template.FuncMap{
		"flags": flagInfos, "shell": escapeShell, "zsh": escapeZsh,
	}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := t.Execute(&b, c.commands()); err != nil {
		return nil, fmt.Errorf("completion: %w", err)
	}
	return &completionOutcome{c.args[0], b.String()}, nil
}

// escapeShell makes a text safe between single quotes.
func escapeShell(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }

func escapeZsh(s string) string {
	return escapeShell(strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(s))
}

var completionScripts = map[string]string{
	"bash": `# source <(otactl completion bash)
_otactl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= word
	COMPREPLY=()
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		{{range $i, $c := .}}{{if $i}}|{{end}}{{$c.Name}}{{end}}) command=$word; break ;;
		esac
	done
	case $prev in
	--layout) COMPREPLY=($(compgen -W "prefix directory" -- "$cur")); return ;;
	completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$cur")); return ;;
	esac
	case $command in
	"" | help) words="{{range $i, $c := .}}{{if $i}} {{end}}{{$c.Name}}{{end}}" ;;
{{- range .}}{{if ne .Name "help"}}
	{{.Name}}) words="{{range $i, $f := flags .}}{{if $i}} {{end}}--{{.Long}}{{end}}" ;;
{{- end}}{{end}}
	esac
	if [[ $cur == -* || -z $command || $command == help ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	fi
}
complete -o default -F _otactl otactl
`,
	"zsh": `#compdef otactl
# source <(otactl completion zsh), or put this into a file _otactl in $fpath
_otactl() {
	local -a commands flags
	commands=(
{{- range .}}
		'{{.Name}}:{{zsh .Usage}}'
{{- end}}
	)
	if (( CURRENT == 2 )); then
		_describe command commands
		return
	fi
	case $words[2] in
{{- range .}}
	{{.Name}})
		flags=(
{{- range flags .}}
			'--{{.Long}}[{{zsh .Usage}}]{{if .TakesValue}}:value:_files{{end}}'
{{- end}}
		) ;;
{{- end}}
	esac
	_arguments $flags '*:file:_files'
}
if [[ $funcstack[1] == _otactl ]]; then
	_otactl "$@"
else
	compdef _otactl otactl
fi
`,
	"fish": `# otactl completion fish | source
{{- range .}}
complete -c otactl -n __fish_use_subcommand -a {{.Name}} -d '{{shell .Usage}}'
{{- $name := .Name}}{{range flags .}}
complete -c otactl -n '__fish_seen_subcommand_from {{$name}}' -l {{.Long}}{{if .Short}} -s {{.Short}}{{end}}{{if .TakesValue}} -r{{end}} -d '{{shell .Usage}}'
{{- end}}
{{- end}}
complete -c otactl -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
complete -c otactl -n '__fish_seen_subcommand_from help' -f -a '{{range $i, $c := .}}{{if $i}} {{end}}{{$c.Name}}{{end}}'
`,
}
