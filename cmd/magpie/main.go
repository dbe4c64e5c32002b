// Command magpie finds the sensitive data in object stores, and serves the APIs of Amazon Macie and IAM Access Analyzer over it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes of every subcommand; scripts rely on them.
const (
	exitComplete   = 0
	exitError      = 1
	exitIncomplete = 2 // something could not be read or decided; it is listed
	exitFailOn     = 3 // --fail-on or a failed check; wins over exitIncomplete
)

// An exitCode ends the program with that code and says nothing more: the subcommand has said it.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// stdio is where a subcommand reads and writes: results to out, progress and summaries to err.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

type commandLine struct {
	Scan        scanCommand        `cmd:"" help:"Find the sensitive data in folders, files, S3 stores or standard input. No server, nothing stored."`
	Access      accessCommand      `cmd:"" help:"Say who outside can reach the resources of templates and estates, exactly. No server, nothing stored."`
	Exposure    exposureCommand    `cmd:"" help:"Say what sensitive data stand open to others now, the worst first: from a server's data, or by scanning."`
	Policy      policyCommand      `cmd:"" help:"Check policies: files or those in templates. The API's policy checks, for CI."`
	Extract     extractCommand     `cmd:"" help:"Show the text that detection sees in a file, with its locations."`
	Identifiers identifiersCommand `cmd:"" help:"List the managed data identifiers, or explain one."`
	Serve       serveCommand       `cmd:"" help:"Run the server: the APIs of Amazon Macie and IAM Access Analyzer on one port."`
	Worker      workerCommand      `cmd:"" help:"Run more workers for a server's classification jobs, on this or another machine."`
	Jobs        jobsCommand        `cmd:"" help:"Say how far a server's jobs are and what happened to them, and have parts that were given up tried again."`
	Coverage    coverageCommand    `cmd:"" help:"Say what a server's job has not read, and why."`
	Keys        keysCommand        `cmd:"" help:"Add, list and remove access keys."`
	Version     versionCommand     `cmd:"" help:"Say which version this is."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// run is the program: it parses args, runs the subcommand and returns the exit code.
func run(ctx context.Context, args []string, std stdio) int {
	var line commandLine
	exited := -1
	parser, err := kong.New(&line,
		kong.Name("magpie"),
		kong.Description("Magpie finds the sensitive data in your buckets and says where it is.\n\n"+
			"Start with: magpie scan examples/estate"),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		fmt.Fprintln(std.err, "magpie:", err)
		return exitError
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help has been printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(std.err, "magpie: %v\nTry: magpie --help\n", err)
		return exitError
	}
	var code exitCode
	switch err := command.Run(); {
	case err == nil:
		return exitComplete
	case errors.As(err, &code):
		return int(code)
	default:
		fmt.Fprintln(std.err, "magpie:", err)
		return exitError
	}
}
