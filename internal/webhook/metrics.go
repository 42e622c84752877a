package webhook

import "github.com/prometheus/client_golang/prometheus"

// metrics count by endpoint. An endpoint that is removed leaves nothing behind.
type metrics struct {
	deliveries *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	queued     *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scaling_adapter_webhook_deliveries_total",
			Help: "Events for webhooks by what became of them.",
		}, []string{"endpoint", "outcome"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scaling_adapter_webhook_dropped_total",
			Help: "Events that were not sent because too many newer ones were waiting for the webhook.",
		}, []string{"endpoint"}),
		queued: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scaling_adapter_webhook_queue_length",
			Help: "Events that wait for the webhook, besides the one that is being sent.",
		}, []string{"endpoint"}),
	}
	reg.MustRegister(m.deliveries, m.dropped, m.queued)
	return m
}

// counts are the metrics of one endpoint.
type counts struct {
	deliveries map[outcome]prometheus.Counter
	dropped    prometheus.Counter
	queued     prometheus.Gauge
}

// of begins to count an endpoint from zero.
func (m metrics) of(endpoint string) counts {
	c := counts{map[outcome]prometheus.Counter{}, m.dropped.WithLabelValues(endpoint), m.queued.WithLabelValues(endpoint)}
	for _, o := range []outcome{delivered, refused, failed} {
		c.deliveries[o] = m.deliveries.WithLabelValues(endpoint, string(o))
	}
	return c
}

func (m metrics) forget(endpoint string) {
	labels := prometheus.Labels{"endpoint": endpoint}
	m.deliveries.DeletePartialMatch(labels)
	m.dropped.Delete(labels)
	m.queued.Delete(labels)
}
