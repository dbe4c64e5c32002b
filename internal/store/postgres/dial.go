package postgres

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectWithin bounds a connection's beginning where the URL has no connect_timeout.
	connectWithin = 10 * time.Second

	// commitWithin bounds a commit. What becomes of one that takes longer is unknown.
	commitWithin = 15 * time.Second
)

// silence are settings of sessions by which the server drops a client that is gone without a word, so that the locks of its transaction
// do not stay: one that is silent within a transaction, and one that does not answer the network's probes. What the URL sets stands.
var silence = map[string]string{
	"idle_in_transaction_session_timeout": "60s",
	"tcp_keepalives_idle":                 "15",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "4",
	"tcp_user_timeout":                    "30000",
}

// watchSilence makes both ends of a connection notice when the other is gone.
func watchSilence(config *pgxpool.Config) {
	c := config.ConnConfig
	for name, value := range silence {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	setDial(&c.Config)
}

func setDial(c *pgconn.Config) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectWithin
	}
	dialer := &net.Dialer{
		Timeout:         c.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4},
		Control:         userTimeout,
	}
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
}
