package inbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverqueue/river/rivermigrate"
)

// Our tables next to River's. Times are milliseconds since 1970.
const tables = `
CREATE TABLE IF NOT EXISTS delivery (
	id       TEXT PRIMARY KEY,
	source   TEXT NOT NULL,
	event    TEXT NOT NULL,
	digest   TEXT NOT NULL,
	topics   TEXT NOT NULL,
	received INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_received ON delivery (received);
CREATE TABLE IF NOT EXISTS call (
	id         TEXT PRIMARY KEY,
	repository TEXT NOT NULL,
	body       BLOB NOT NULL,
	received   INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS wake (
	repository TEXT PRIMARY KEY,
	at         INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS again (
	job INTEGER PRIMARY KEY
);`

// rescue makes available what a process that is gone had in its hands, and takes
// its leadership away, without which nothing is retried for a quarter minute.
// There is one process per file, so whatever runs at the start is dead.
const rescue = `
UPDATE river_job SET state = 'available' WHERE state = 'running';
DELETE FROM river_leader;`

func migrate(ctx context.Context, db *sql.DB, driver *driver) error {
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return fmt.Errorf("prepare migration: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate queue: %w", err)
	}
	if _, err := db.ExecContext(ctx, tables); err != nil {
		return fmt.Errorf("create tables: %w", err)
	}
	if _, err := db.ExecContext(ctx, rescue); err != nil {
		return fmt.Errorf("rescue ticks: %w", err)
	}
	return nil
}

// insertDelivery returns false when the delivery's ID is known.
func insertDelivery(ctx context.Context, tx *sql.Tx, d Delivery) (bool, error) {
	topics, err := json.Marshal(d.Topics)
	if err != nil {
		return false, err
	}
	return changed(tx.ExecContext(ctx,
		`INSERT INTO delivery (id, source, event, digest, topics, received) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		d.ID, d.Source, d.Event, d.Digest, string(topics), d.Received.UnixMilli()))
}

func pruneDeliveries(ctx context.Context, tx *sql.Tx, before time.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM delivery WHERE received < ?1; DELETE FROM call WHERE received < ?1`, before.UnixMilli())
	return err
}

func insertCall(ctx context.Context, tx *sql.Tx, d Delivery) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO call (id, repository, body, received) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		d.ID, d.CallFor, d.Call, d.Received.UnixMilli())
	return err
}

func selectCalls(ctx context.Context, db *sql.DB, repository string) (calls []Call, err error) {
	rows, err := db.QueryContext(ctx, `SELECT id, body FROM call WHERE repository = ? ORDER BY received, id`, repository)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c Call
		if err := rows.Scan(&c.ID, &c.Body); err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, rows.Err()
}

func deleteCalls(ctx context.Context, tx *sql.Tx, ids []string) error {
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, `DELETE FROM call WHERE id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}

// upsertWake rounds up: a wake that is early finds nothing changed.
func upsertWake(ctx context.Context, tx *sql.Tx, repository string, at time.Time) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO wake (repository, at) VALUES (?, ?) ON CONFLICT (repository) DO UPDATE SET at = excluded.at WHERE excluded.at < wake.at`,
		repository, at.Add(time.Millisecond-1).UnixMilli())
	return err
}

func deleteWake(ctx context.Context, tx *sql.Tx, repository string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM wake WHERE repository = ?`, repository)
	return err
}

// dueWakes returns the repositories whose wake has come.
func dueWakes(ctx context.Context, tx *sql.Tx, now time.Time) (due []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT repository FROM wake WHERE at <= ? ORDER BY at, repository`, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var repository string
		if err := rows.Scan(&repository); err != nil {
			return nil, err
		}
		due = append(due, repository)
	}
	return due, rows.Err()
}

// nextWake returns the earliest wake, or false when there is none.
func nextWake(ctx context.Context, tx *sql.Tx) (time.Time, bool, error) {
	var at sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT min(at) FROM wake`).Scan(&at)
	return time.UnixMilli(at.Int64), at.Valid, err
}

func markAgain(ctx context.Context, tx *sql.Tx, job int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO again (job) VALUES (?) ON CONFLICT (job) DO NOTHING`, job)
	return err
}

// clearAgain returns whether there was a mark.
func clearAgain(ctx context.Context, tx *sql.Tx, job int64) (bool, error) {
	return changed(tx.ExecContext(ctx, `DELETE FROM again WHERE job = ?`, job))
}

func countTicks(ctx context.Context, db *sql.DB) (n int, err error) {
	err = db.QueryRowContext(ctx,
		`SELECT count(*) FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`).Scan(&n)
	return n, err
}

func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
