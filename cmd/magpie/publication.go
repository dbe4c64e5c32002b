package main

import (
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

// openSinks makes the sinks that the configuration names, and says which events each of them takes. Secrets are read once, at the start, where
// somebody looks; credentials are read anew when they end.
func openSinks(c *config.Config) (targets []publish.Target, routes []publish.Route, err error) {
	client := publish.NewClient()
	for _, s := range c.Publication {
		kind := publish.EventBridge
		if s.Events == config.EventsJobs {
			kind = publish.JobLog
		}
		var sink publish.Sink
		switch s.Kind {
		case config.SinkWebhook:
			hook := &publish.Webhook{URL: s.URL, Client: client, Now: time.Now}
			if s.Secret != (config.Secret{}) {
				secret, err := s.Secret.Read()
				if err != nil {
					return nil, nil, fmt.Errorf("publication %s: %w", s.Name, err)
				}
				hook.Secret = []byte(secret)
			}
			sink = hook
		case config.SinkEventBridge:
			sink = &publish.EventBus{URL: awsEndpoint(s, "events"), Region: s.Region, Bus: s.Bus, Source: s.Source, Credentials: credentialsOf(s.Credentials),
				Client: client, Now: time.Now}
		case config.SinkSecurityHub:
			kind = publish.SecurityHub
			sink = &publish.Hub{URL: awsEndpoint(s, "securityhub"), Region: s.Region, Credentials: credentialsOf(s.Credentials), Client: client, Now: time.Now}
		case config.SinkLogs:
			kind = publish.JobLog
			sink = &publish.Logs{URL: awsEndpoint(s, "logs"), Region: s.Region, Group: s.Group, Credentials: credentialsOf(s.Credentials), Client: client, Now: time.Now}
		default:
			f, err := os.OpenFile(s.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // to say now what would fail later
			if err != nil {
				return nil, nil, fmt.Errorf("publication %s: %w", s.Name, err)
			}
			f.Close()
			sink = &publish.File{Path: s.Path}
		}
		targets = append(targets, publish.Target{Name: s.Name, Sink: sink})
		routes = append(routes, publish.Route{Sink: s.Name, Kinds: []publish.Kind{kind}})
	}
	return targets, routes, nil
}

func awsEndpoint(s config.Sink, service string) string {
	if s.URL != "" {
		return s.URL
	}
	return "https://" + service + "." + s.Region + ".amazonaws.com"
}

// credentialsOf are the credentials that a sink is configured with: a profile, keys, or the standard chain.
func credentialsOf(c config.Credentials) aws.CredentialsProvider {
	if c.AccessKey != (config.Secret{}) {
		return aws.NewCredentialsCache(s3.Keys{Read: c.Read})
	}
	return aws.NewCredentialsCache(s3.NamedProfile(c.Profile))
}
