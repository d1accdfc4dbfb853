package deliver

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"example.org/relay/internal/store"
)

type memory struct{ fate string }

func (m *memory) Due(context.Context, int) ([]store.Delivery, error) { return nil, nil }
func (m *memory) Retry(context.Context, string, time.Duration) error { m.fate = "retry"; return nil }
func (m *memory) Done(context.Context, string) error                 { m.fate = "done"; return nil }
func (m *memory) Bury(context.Context, string, string) error         { m.fate = "buried"; return nil }
func (m *memory) End(context.Context, string) error                  { m.fate = "ended"; return nil }

func TestFates(t *testing.T) {
	for _, c := range []struct {
		status, attempts int
		want             string
	}{
		{200, 0, "done"}, {500, 0, "retry"}, {500, 9, "buried"}, {410, 0, "ended"}, {302, 0, "retry"},
	} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Millisecond)
			w.WriteHeader(c.status)
		}))
		client := NewClient()
		client.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		queue := &memory{}
		NewWorker(queue, client).one(context.Background(), store.Delivery{Target: server.URL, Attempts: c.attempts})
		server.Close()
		if queue.fate != c.want {
			t.Errorf("%d after %d attempts was %s, not %s", c.status, c.attempts, queue.fate, c.want)
		}
	}
}
