package gitrepo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// go-git's pkt-lines are those of protocol v0: they know no delimiter packet,
// which protocol v2 needs.

type pktKind int

const (
	pktData pktKind = iota
	pktFlush
	pktDelim
	pktEnd
)

// serverError is what a server said instead of an answer.
type serverError struct{ text string }

func (e *serverError) Error() string { return "the server says: " + e.text }

// pktReader reads pkt-lines. The payload is valid until the next read.
type pktReader struct {
	r   io.Reader
	buf []byte
}

func (p *pktReader) next() (pktKind, []byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return 0, nil, err
	}
	var size [2]byte
	if _, err := hex.Decode(size[:], head[:]); err != nil {
		return 0, nil, errors.New("not a git server's answer: malformed packet length")
	}
	n := int(size[0])<<8 | int(size[1])
	if n < 3 {
		return [...]pktKind{pktFlush, pktDelim, pktEnd}[n], nil, nil
	}
	if n == 3 {
		return 0, nil, errors.New("not a git server's answer: malformed packet length")
	}
	if cap(p.buf) < n-4 {
		p.buf = make([]byte, 1<<16)
	}
	data := p.buf[:n-4]
	if _, err := io.ReadFull(p.r, data); err != nil {
		return 0, nil, noEOF(err)
	}
	if text, ok := bytes.CutPrefix(data, []byte("ERR ")); ok {
		return 0, nil, &serverError{text: serverText(string(text))}
	}
	return pktData, data, nil
}

// noEOF makes an end in the middle of something an error that no reader takes
// for a proper end.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pktWriter collects a request.
type pktWriter struct{ bytes.Buffer }

func (w *pktWriter) linef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(w, "%04x%s", len(line)+4, line)
}

func (w *pktWriter) delim() { w.WriteString("0001") }
func (w *pktWriter) flush() { w.WriteString("0000") }

// sideband reads the first channel of a multiplexed answer up to its flush.
// The second channel, what people see as "remote: ...", is kept up to
// maxServerText in text; the third is an error.
type sideband struct {
	pkt     pktReader
	pending []byte
	done    bool
	text    strings.Builder
}

func (s *sideband) Read(p []byte) (int, error) {
	for len(s.pending) == 0 {
		if s.done {
			return 0, io.EOF
		}
		kind, data, err := s.pkt.next()
		if err != nil {
			return 0, noEOF(err)
		}
		if kind != pktData {
			s.done = true
			continue
		}
		if len(data) == 0 {
			return 0, errors.New("not a git server's answer: empty sideband packet")
		}
		switch data[0] {
		case 1:
			s.pending = data[1:]
		case 2:
			if s.text.Len() < maxServerText {
				s.text.Write(data[1:])
			}
		case 3:
			return 0, &serverError{text: serverText(string(data[1:]))}
		default:
			return 0, errors.New("not a git server's answer: unknown sideband channel")
		}
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}
