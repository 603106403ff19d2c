// SPDX-License-Identifier: Apache-2.0

// A server that speaks MongoDB's protocol, for tests and development where no mongod is installed: FerretDB on SQLite,
// behind a door that lets one command in at a time (see door.go).
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/url"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:27017", "address and port")
	state := flag.String("state", ".", "directory of the databases")
	flag.Parse()

	door, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + *state + "/",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		inner, err := url.Parse(server.MongoDBURI()) // known once it listens
		if err != nil {
			log.Fatal(err)
		}
		guard(door, inner.Host)
	}()
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
