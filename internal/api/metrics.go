package api

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests. Its labels take values from the operation tables only.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	body     *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	labels := []string{"service", "operation", "status"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_api_requests_total",
			Help: "API requests answered, by service, operation (empty if unknown) and HTTP status."}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "magpie_api_request_duration_seconds",
			Help:    "Time from the first byte of a request's header to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, labels),
		body: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_api_bytes_total",
			Help: "Bytes of request and answer bodies."}, []string{"direction"}),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.requests), r.Register(m.duration), r.Register(m.body))
}

func (m *metrics) observe(x *exchange, took time.Duration) {
	labels := []string{x.serviceName(), x.operationName(), strconv.Itoa(x.status)}
	m.requests.WithLabelValues(labels...).Inc()
	m.duration.WithLabelValues(labels...).Observe(took.Seconds())
	m.body.WithLabelValues("in").Add(float64(x.bytesIn))
	m.body.WithLabelValues("out").Add(float64(x.bytesOut))
}
