// Command relay takes events and delivers them to webhooks.
package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"example.org/relay/internal/deliver"
	"example.org/relay/internal/httpapi"
	"example.org/relay/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))

	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		slog.Error("no database", "error", err)
		os.Exit(1)
	}
	events := store.New(db)
	worker := deliver.NewWorker(events, deliver.NewClient())
	server := &http.Server{Addr: ":8080", Handler: httpapi.New(events), ReadHeaderTimeout: 5 * time.Second}

	var group sync.WaitGroup
	group.Add(2)
	go func() {
		defer group.Done()
		worker.Run(ctx)
	}()
	go func() {
		defer group.Done()
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("server stopped", "error", err)
			stop()
		}
	}()
	<-ctx.Done()
	shutdown, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil {
		slog.Warn("shutdown was cut off", "error", err)
	}
	group.Wait()
}
