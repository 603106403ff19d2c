// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"sync"
)

// FerretDB reads a document, changes it, and writes it back: of two updates of one document at the same time one can be
// lost. MongoDB's updates of one document are atomic, and programs rely on it. So commands pass one after the other.
var oneAtATime sync.Mutex

const (
	headerBytes     = 16
	messageBytesMax = 64 << 20
	opMsg           = 2013
	moreToCome      = 1 << 1
)

func guard(door net.Listener, inner string) {
	for {
		client, err := door.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer client.Close()
			if err := relay(client, inner); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				log.Print(err)
			}
		}()
	}
}

func relay(client net.Conn, inner string) error {
	server, err := net.Dial("tcp", inner)
	if err != nil {
		return err
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return err
		}
		replies, err := exchange(server, request)
		if err != nil {
			return err
		}
		for _, reply := range replies {
			if _, err := client.Write(reply); err != nil {
				return err
			}
		}
	}
}

// Sends one request and takes all that answers it, while nobody else does.
func exchange(server net.Conn, request []byte) (replies [][]byte, err error) {
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	for more := !isMoreToCome(request); more; {
		reply, err := readMessage(server)
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
		more = isMoreToCome(reply)
	}
	return replies, nil
}

// The MongoDB wire protocol: a header of four little-endian integers, of which the first is the length of the whole.
func readMessage(from io.Reader) ([]byte, error) {
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header)
	if length < headerBytes || length > messageBytesMax {
		return nil, errors.New("a message of impossible length")
	}
	message := make([]byte, length)
	copy(message, header)
	_, err := io.ReadFull(from, message[headerBytes:])
	return message, err
}

func isMoreToCome(message []byte) bool {
	return len(message) >= headerBytes+4 && binary.LittleEndian.Uint32(message[12:]) == opMsg &&
		binary.LittleEndian.Uint32(message[headerBytes:])&moreToCome != 0
}
