package cli

import "strings"

// A who says on whose account a change is made, for the change log.
type who struct{ by, commit, url string }

// newWho finds the CI job in the variables that the CI systems document, or else names the user.
//
//	https://docs.github.com/actions/reference/variables-reference
//	https://docs.gitlab.com/ci/variables/predefined_variables/
func newWho(env Env) who {
	get := func(name string) string {
		text, _ := env.LookupEnv(name)
		return text
	}
	switch {
	case get("GITHUB_ACTIONS") == "true":
		repo := get("GITHUB_REPOSITORY")
		return who{
			by:     join(" ", get("GITHUB_ACTOR"), "by GitHub Actions"),
			commit: get("GITHUB_SHA"),
			url:    join("/", get("GITHUB_SERVER_URL"), repo, "actions/runs", get("GITHUB_RUN_ID")),
		}
	case get("GITLAB_CI") == "true":
		return who{by: join(" ", get("GITLAB_USER_LOGIN"), "by GitLab CI"), commit: get("CI_COMMIT_SHA"), url: get("CI_JOB_URL")}
	}
	return who{by: join("@", env.User, env.Host)}
}

// join joins what is not empty.
func join(sep string, parts ...string) string {
	var some []string
	for _, part := range parts {
		if part != "" {
			some = append(some, part)
		}
	}
	return strings.Join(some, sep)
}
