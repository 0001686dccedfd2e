// Command action is Towpath without a server: one look and done. Its commands are
// in internal/commandline.
package main

import (
	"os"
	"time"

	"github.com/towpath/towpath/internal/commandline"
	"github.com/towpath/towpath/internal/render"
)

func main() {
	if render.IsWorker(os.Args) {
		os.Exit(render.Serve(os.Stdin, os.Stdout))
	}
	os.Exit(commandline.Process(time.Now).Main())
}
