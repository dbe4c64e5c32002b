package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/magpie-sec/magpie/internal/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/api"
	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/notify"
	"github.com/magpie-sec/magpie/internal/notify/hook"
	"github.com/magpie-sec/magpie/internal/store"
)

// watchFlags say how the inventory of buckets and the access to resources are watched. What is not given is the configuration file's, else the
// default.
type watchFlags struct {
	Refresh          *time.Duration `placeholder:"TIME" help:"How old the inventory of buckets may become before it is read again; 0: it is read when a request asks. Default: 15m."`
	ReportExisting   *bool          `help:"Make findings of buckets that are public, shared or replicated to others when they are seen first, as well; Macie reports changes only."`
	DiscoveryObjects *int64         `placeholder:"N" help:"How many objects automated sensitive data discovery looks at in a day, for each account and Region. Default: 10000."`
	DiscoveryBytes   *int64         `placeholder:"BYTES" help:"How many bytes these may have, as stored. Default: 10 GiB."`
	Recount          *time.Duration `placeholder:"TIME" help:"How old the counts of a bucket's objects may become before the schedule counts them again. Default: 24h."`
	Poll             *time.Duration `placeholder:"TIME" help:"How often Access Analyzer looks whether the sources have changed. Default: 30s."`
	SkipShortMonths  *bool          `help:"Leave out a monthly job's run in a month that lacks its day, as Macie does, instead of running on the last day."`
}

// watching is how a server watches.
type watching struct {
	refresh, recount, poll           time.Duration
	reportExisting, skipShortMonths  bool
	discoveryObjects, discoveryBytes int64
}

// over lays the flags over the configuration.
func (f watchFlags) over(c config.Watch) watching {
	return watching{
		refresh: given(15*time.Minute, f.Refresh, c.Refresh), recount: given(macie.DefaultRecount, f.Recount, c.Recount),
		poll:             given(30*time.Second, f.Poll, c.Poll),
		reportExisting:   given(false, f.ReportExisting, c.ReportExisting),
		skipShortMonths:  given(false, f.SkipShortMonths, c.SkipShortMonths),
		discoveryObjects: given(macie.DefaultDiscoveryObjects, f.DiscoveryObjects, c.DiscoveryObjects),
		discoveryBytes:   given(macie.DefaultDiscoveryBytes, f.DiscoveryBytes, c.DiscoveryBytes),
	}
}

// given is the first value that is there, else the default.
func given[T any](standard T, values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return standard
}

const (
	// defaultNotifications is where stores tell of changes if the configuration does not say.
	defaultNotifications = "127.0.0.1:4752"
	// notificationsTokenVariable holds the token of whoever may tell, where there is no configuration file.
	notificationsTokenVariable = "MAGPIE_NOTIFICATIONS_TOKEN"
)

// notificationSenders returns who may tell of changes and where they are listened to, "" if nobody may.
func notificationSenders(flag string, c *config.Config) (address string, senders []config.Sender, err error) {
	switch {
	case c.Notifications != nil:
		senders, address = c.Notifications.Senders, c.Notifications.Listen
		if address == "" {
			address = defaultNotifications
		}
	case flag != "" && os.Getenv(notificationsTokenVariable) != "":
		senders = []config.Sender{{Name: "default", Token: config.Secret{Env: notificationsTokenVariable}}}
	case flag != "":
		return "", nil, fmt.Errorf("--notifications: who may tell is not said; set %s, or name the senders in the configuration file", notificationsTokenVariable)
	}
	if flag != "" {
		address = flag
	}
	return address, senders, nil
}

// listenToStores listens for the messages of stores, if anybody may send them.
func (s *server) listenToStores(flag string) error {
	address, senders, err := notificationSenders(flag, s.config)
	if err != nil || address == "" {
		return err
	}
	s.senders = senders
	if s.notificationListener, err = listen("--notifications", address); err != nil {
		return err
	}
	if s.tls != nil {
		s.notificationListener = tls.NewListener(s.notificationListener, s.tls)
	} else if !isLoopback(s.notificationListener.Addr()) {
		s.log.Warn("tokens of stores travel in the clear; give --tls-cert and --tls-key, or listen on 127.0.0.1", "notifications", s.notificationListener.Addr().String())
	}
	return nil
}

// receive makes the server that takes the messages of stores.
func (s *server) receive(service *macie.Service, analyzer *accessanalyzer.Service) error {
	if s.notificationListener == nil {
		return nil
	}
	senders := make([]hook.Sender, len(s.senders))
	among := make([][]store.Tenant, len(s.senders))
	for i, sender := range s.senders {
		token, err := sender.Token.Read()
		if err != nil {
			return fmt.Errorf("notifications: sender %s: %w", sender.Name, err)
		}
		senders[i] = hook.Sender{Name: sender.Name, Token: token, Topics: sender.Topics}
		for _, t := range service.Tenants() {
			if (sender.Account == "" || sender.Account == t.Account) && (sender.Region == "" || sender.Region == t.Region) {
				among[i] = append(among[i], t)
			}
		}
		if among[i] == nil {
			s.log.Warn("notifications: the sender tells of accounts that have no sources", "sender", sender.Name)
		}
	}
	receiver, err := hook.New(hook.Config{Senders: senders, Log: s.log, Registerer: s.registry,
		Take: func(ctx context.Context, index int, events []notify.Event) error {
			changed, err := service.Notify(ctx, among[index], events)
			for _, p := range changed {
				analyzer.Changed(p.Tenant, p.Bucket)
			}
			return err
		}})
	if err != nil {
		return fmt.Errorf("notifications: %w", err)
	}
	s.notifications = api.NewServer(receiver, api.Timeouts{}, s.log)
	return nil
}
