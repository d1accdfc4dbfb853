// Package fileset opens the files that were named on the command line.
package fileset

import (
	"io"
	"log"
	"os"
)

type Source struct {
	Name   string
	Reader io.ReadCloser
}

// Sources yields an open reader for each path, or standard input when there is no path.
func Sources(paths []string, stdin io.Reader) <-chan Source {
	sources := make(chan Source)
	go func() {
		defer close(sources)
		if len(paths) == 0 {
			sources <- Source{Name: "-", Reader: io.NopCloser(stdin)}
			return
		}
		for _, path := range paths {
			file, err := os.Open(path)
			if err != nil {
				log.Fatalf("Cannot open %s.", path)
			}
			sources <- Source{Name: path, Reader: file}
		}
	}()
	return sources
}
