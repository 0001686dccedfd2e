package inbox

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite" // the "sqlite" driver of database/sql
)

// handover is how long a new process waits for the file of one that is stopping.
const handover = 5 * time.Second

// openSQLite returns the database in a file. One connection, since SQLite has
// one writer anyway; the file is locked for as long as it is open, since ticks
// that run are taken for a dead process's at the next Open.
func openSQLite(path string, busy time.Duration) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	options := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
			"locking_mode(EXCLUSIVE)",
			"journal_mode(WAL)",
			"synchronous(FULL)",
		},
	}
	file := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// driver is River's for SQLite, with another way to tell the workers of new
// ticks: River polls a table for them, while here whoever inserts one is in the
// same process.
type driver struct {
	*riversqlite.Driver
	ticks chan struct{}
}

func newDriver(db *sql.DB) *driver {
	return &driver{Driver: riversqlite.New(db), ticks: make(chan struct{}, 1)}
}

// SupportsListenNotify keeps River from writing notifications that nobody reads.
func (d *driver) SupportsListenNotify() bool { return false }

func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{ticks: d.ticks}
}

// listener turns signals of the process into River's notifications.
type listener struct {
	ticks <-chan struct{}
}

// WaitForNotification returns for each signal the notification that River sends
// itself after an insert.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-l.ticks:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"default"}`}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (listener) Connect(context.Context) error          { return nil }
func (listener) Close(context.Context) error            { return nil }
func (listener) Ping(context.Context) error             { return nil }
func (listener) Listen(context.Context, string) error   { return nil }
func (listener) Unlisten(context.Context, string) error { return nil }
func (listener) Schema() string                         { return "" }
func (listener) SetAfterConnectExec(string)             {}
