package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/relay/internal/store"
)

type fake struct{ err error }

func (f fake) Add(context.Context, store.Event) error              { return f.err }
func (f fake) Subscribe(context.Context, store.Subscription) error { return f.err }
func (f fake) Counts(context.Context) (int64, int64, error)        { return 3, 1, f.err }

func TestPostEvent(t *testing.T) {
	for _, c := range []struct {
		body string
		err  error
		want int
	}{
		{`{"type": "paid"}`, nil, http.StatusAccepted},
		{`{"type": `, nil, http.StatusBadRequest},
		{`{"type": "paid"}`, errors.New("disk full"), http.StatusServiceUnavailable},
	} {
		answer := httptest.NewRecorder()
		request := httptest.NewRequest("POST", "/events", strings.NewReader(c.body))
		New(fake{c.err}).ServeHTTP(answer, request)
		if answer.Code != c.want {
			t.Errorf("%s gave %d, not %d", c.body, answer.Code, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	if err := checkTarget(context.Background(), "http://example.org"); !errors.Is(err, errNotHTTPS) {
		t.Errorf("http gave %v", err)
	}
	if err := checkTarget(context.Background(), "https://127.0.0.1/hook"); !errors.Is(err, errPrivate) {
		t.Errorf("loopback gave %v", err)
	}
}
