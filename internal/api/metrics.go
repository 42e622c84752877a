package api

import (
	"bufio"
	"io"
	"iter"
	"net/http"
	"slices"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// metrics tells what is counted, and what the last tick saw. It is what promhttp does, with
// one difference: families are encoded one after the other, and never gathered.
func (s server) metrics(w http.ResponseWriter, r *http.Request) {
	counted, err := s.Metrics.Gather()
	if err != nil {
		http.Error(w, "gather metrics: "+err.Error(), http.StatusInternalServerError)
		return
	}
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Content-Type", string(format))
	if encode(w, format, r.URL.Query()["name[]"], slices.Values(counted), s.Snapshot().Metrics()) != nil {
		panic(http.ErrAbortHandler) // the client is gone, or must not take a part for the whole
	}
}

// encode writes the families that are wanted; without names all are.
func encode(w io.Writer, format expfmt.Format, names []string, all ...iter.Seq[*dto.MetricFamily]) error {
	const buffer = 64 << 10
	out := bufio.NewWriterSize(w, buffer)
	encoder := expfmt.NewEncoder(out, format)
	for _, families := range all {
		for f := range families {
			if len(names) > 0 && !slices.Contains(names, f.GetName()) {
				continue
			}
			if err := encoder.Encode(f); err != nil {
				return err
			}
		}
	}
	if end, ok := encoder.(expfmt.Closer); ok { // OpenMetrics ends with a line
		if err := end.Close(); err != nil {
			return err
		}
	}
	return out.Flush()
}

// compressed compresses answers for clients that take them so: fast, since they are large.
func compressed(h http.HandlerFunc) http.HandlerFunc {
	wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		panic("api: " + err.Error()) // the options are wrong
	}
	return wrap(h)
}
