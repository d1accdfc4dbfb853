// Command maskline copies log lines and masks what should not be seen.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"example.org/maskline/internal/config"
	"example.org/maskline/internal/fileset"
	"example.org/maskline/internal/mask"
)

const (
	exitLine  = 1
	exitUsage = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("maskline", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "", "file with the rules")
	quiet := flags.Bool("quiet", false, "no summary")
	keepDomains := flags.Bool("keep-domains", false, "mask only the local part of addresses")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	settings, err := config.Load(*path)
	if err != nil {
		fmt.Fprintln(stderr, "maskline:", err)
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	settings.KeepDomains = settings.KeepDomains || *keepDomains

	out := bufio.NewWriter(stdout)
	masker := mask.New(settings)
	failed := false
	for source := range fileset.Sources(flags.Args(), stdin) {
		if err := masker.Copy(out, source.Reader, source.Name); err != nil {
			fmt.Fprintln(stderr, "maskline:", err)
			failed = true
		}
		_ = source.Reader.Close()
	}
	if err := out.Flush(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		fmt.Fprintln(stderr, "maskline:", err)
		failed = true
	}
	if !*quiet {
		fmt.Fprintf(stderr, "%d lines, %d masked\n", masker.Lines, masker.Masked)
	}
	if failed {
		return exitLine
	}
	return 0
}
