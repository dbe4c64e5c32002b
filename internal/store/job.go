package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Job is a classification job. Its runs and shards belong to package job.
type Job struct {
	ID          string
	Name        string
	Type        string // JobType
	Status      string // JobStatus
	CreatedAt   int64
	LastRunAt   *int64
	PausedAt    *int64
	RunKey      string // of its latest run; "" before the first
	NextRunAt   *int64 // when the next run of a schedule is due
	ClientToken string // as BoundKey has it when it is read back
	RequestHash []byte // digest of the request that made the job, to tell a repetition from a second use of the token
	Doc         []byte // JSON of the wire type
}

const jobColumns = "id, name, type, status, created_at, last_run_at, paused_at, run_key, next_run_at, client_token, request_hash, doc"

func (j *Job) scan(rows Rows) error {
	var name, token []byte
	err := rows.Scan(&j.ID, &name, &j.Type, &j.Status, &j.CreatedAt, &j.LastRunAt, &j.PausedAt, &j.RunKey, &j.NextRunAt, &token, &j.RequestHash, &j.Doc)
	j.Name, j.ClientToken = string(name), string(token)
	return err
}

// CreateJob stores a new job; [ErrConflict] if the tenant has one with the same id or client token already.
func CreateJob(ctx context.Context, tx Tx, t Tenant, j Job) error {
	n, err := tx.Exec(ctx, "INSERT INTO jobs (account, region, "+jobColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
		t.Account, t.Region, j.ID, []byte(j.Name), j.Type, j.Status, j.CreatedAt, j.LastRunAt, j.PausedAt, j.RunKey, j.NextRunAt, clientToken(j.ClientToken),
		document(j.RequestHash), document(j.Doc))
	if err == nil && n == 0 {
		return fmt.Errorf("job %s or its client token exists: %w", j.ID, ErrConflict)
	}
	return err
}

// UpdateJob stores the job's name, status, times and document; [ErrNotFound] if there is none. What it was created with stays.
func UpdateJob(ctx context.Context, tx Tx, t Tenant, j Job) error {
	return affectOne(tx.Exec(ctx, `UPDATE jobs SET name = $4, status = $5, last_run_at = $6, paused_at = $7, doc = $8,
		run_key = $9, next_run_at = $10
		WHERE account = $1 AND region = $2 AND id = $3`,
		t.Account, t.Region, j.ID, []byte(j.Name), j.Status, j.LastRunAt, j.PausedAt, document(j.Doc), j.RunKey, j.NextRunAt))
}

// GetJob returns a job by its id, [ErrNotFound] if there is none. In an Update it keeps other writers from the job until the end.
func GetJob(ctx context.Context, tx Tx, t Tenant, id string) (Job, error) {
	if CheckText("", id) != nil {
		return Job{}, ErrNotFound
	}
	return oneJob(ctx, tx, "id = $3"+ForUpdate(tx), t.Account, t.Region, id)
}

// JobByClientToken returns the job that was created with the token, [ErrNotFound] if there is none.
func JobByClientToken(ctx context.Context, tx Tx, t Tenant, token string) (Job, error) {
	return oneJob(ctx, tx, "client_token = $3", t.Account, t.Region, clientToken(token))
}

func oneJob(ctx context.Context, tx Tx, where string, args ...any) (Job, error) {
	jobs, err := jobs(ctx, tx, "SELECT "+jobColumns+" FROM jobs WHERE account = $1 AND region = $2 AND "+where, args)
	if err != nil {
		return Job{}, err
	}
	if len(jobs) == 0 {
		return Job{}, ErrNotFound
	}
	return jobs[0], nil
}

func jobs(ctx context.Context, tx Tx, sql string, args []any) ([]Job, error) {
	var out []Job
	err := Each(ctx, tx, sql, args, func(rows Rows) error {
		var j Job
		err := j.scan(rows)
		out = append(out, j)
		return err
	})
	return out, err
}

// ActiveJobs returns the tenant's jobs that are not over: neither COMPLETE nor CANCELLED, which are the terminal states (macie.md 4.2).
// In an Update it keeps other writers from them until the end.
func ActiveJobs(ctx context.Context, tx Tx, t Tenant) ([]Job, error) {
	return jobs(ctx, tx, "SELECT "+jobColumns+` FROM jobs WHERE account = $1 AND region = $2 AND status NOT IN ('COMPLETE', 'CANCELLED')
		ORDER BY created_at, id`+ForUpdate(tx), []any{t.Account, t.Region})
}

// JobRef names a job of any tenant.
type JobRef struct {
	Tenant
	ID string
}

// DueJobs returns up to limit jobs of all tenants for which it is time to do something: those whose next run is due by now, and those that a
// user paused at pausedBefore or earlier.
func DueJobs(ctx context.Context, tx Tx, now, pausedBefore int64, limit int) ([]JobRef, error) {
	var due []JobRef
	err := Each(ctx, tx, `SELECT account, region, id FROM jobs WHERE next_run_at <= $1 OR paused_at <= $2 AND status = 'USER_PAUSED'
		ORDER BY account, region, id LIMIT $3`, []any{now, pausedBefore, int64(limit)}, func(rows Rows) error {
		var r JobRef
		err := rows.Scan(&r.Account, &r.Region, &r.ID)
		due = append(due, r)
		return err
	})
	return due, err
}

// JobQuery asks for a page of jobs (macie.md 4.9).
type JobQuery struct {
	Includes   []JobTerm // all must hold
	Excludes   []JobTerm // none may hold
	Sort       string    // createdAt (also ""), jobStatus, name or jobType; equals are in order of id
	Descending bool
	Limit      int
	After      []byte // what the page before returned as next
}

// JobTerm compares a member of a job with values. It holds if the comparison holds for one of them; NE holds if the job has none of them.
type JobTerm struct {
	Key        string // jobType, jobStatus, createdAt or name
	Comparator string // EQ, NE; for createdAt also GT, GTE, LT, LTE; for name also CONTAINS, STARTS_WITH
	Values     []string
	Times      []int64 // the values of createdAt
}

type jobMember struct {
	column string
	kind   Kind
	bytes  bool // the column holds bytes, though the member is a string
}

var jobMembers = map[string]jobMember{
	"createdAt": {"created_at", Date, false},
	"jobStatus": {"status", String, false},
	"jobType":   {"type", String, false},
	"name":      {"name", String, true},
}

var jobOperators = map[string]string{"EQ": "=", "NE": "=", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}

// jobCursor is the place after a job in a sort order.
type jobCursor struct {
	Number int64  `json:"n,omitempty"`
	String []byte `json:"s,omitempty"`
	ID     string `json:"i"`
}

// ListJobs returns a page of jobs and where the next begins, nil after the last. [ErrInvalid] for a term or sort that means nothing.
func ListJobs(ctx context.Context, tx Tx, t Tenant, q JobQuery) (page []Job, next []byte, err error) {
	if q.Sort == "" {
		q.Sort = "createdAt"
	}
	sort, ok := jobMembers[q.Sort]
	if !ok || q.Limit < 1 {
		return nil, nil, fmt.Errorf("jobs sorted by %q, page of %d: %w", q.Sort, q.Limit, ErrInvalid)
	}
	s := newStatement(Once, "SELECT ", jobColumns, " FROM jobs WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region)
	for i, term := range slices.Concat(q.Includes, q.Excludes) {
		s.add(" AND ")
		if i >= len(q.Includes) {
			s.add("NOT ")
		}
		if err := term.where(s, tx.Engine()); err != nil {
			return nil, nil, err
		}
	}
	if q.After != nil {
		if err := q.behind(s, sort); err != nil {
			return nil, nil, err
		}
	}
	s.order(sort.column, "id", q.Descending).limit(q.Limit + 1)
	page, err = jobs(ctx, tx, s.text(), s.args)
	if err != nil || len(page) <= q.Limit {
		return page, nil, err
	}
	page = page[:q.Limit]
	next, err = q.cursor(page[q.Limit-1])
	return page, next, err
}

func (q JobQuery) cursor(last Job) ([]byte, error) {
	c := jobCursor{ID: last.ID}
	switch q.Sort {
	case "createdAt":
		c.Number = last.CreatedAt
	case "jobStatus":
		c.String = []byte(last.Status)
	case "jobType":
		c.String = []byte(last.Type)
	case "name":
		c.String = []byte(last.Name)
	}
	return json.Marshal(c)
}

func (q JobQuery) behind(s *statement, sort jobMember) error {
	var c jobCursor
	if err := json.Unmarshal(q.After, &c); err != nil || CheckText("", c.ID+string(c.String)) != nil && !sort.bytes {
		return fmt.Errorf("place in a list of jobs: %w", ErrInvalid)
	}
	operator := " > "
	if q.Descending {
		operator = " < "
	}
	s.add(" AND (", sort.column, ", id)", operator, "(")
	switch {
	case sort.kind == Date:
		s.arg(c.Number)
	case sort.bytes:
		s.arg(document(c.String))
	default:
		s.arg(string(c.String))
	}
	s.add(", ").arg(c.ID).add(")")
	return nil
}

// where adds the term as one condition in parentheses.
func (t JobTerm) where(s *statement, engine Engine) error {
	member, ok := jobMembers[t.Key]
	operator, compares := jobOperators[t.Comparator]
	ordered := t.Comparator != "EQ" && t.Comparator != "NE"
	matches := t.Comparator == "CONTAINS" || t.Comparator == "STARTS_WITH"
	switch n := len(t.Values); {
	case !ok, !compares && !matches, matches && !member.bytes, ordered && !matches && member.kind != Date:
		return fmt.Errorf("jobs cannot be filtered by %q with %q: %w", t.Key, t.Comparator, ErrInvalid)
	case member.kind == Date && len(t.Times) == 0, member.kind != Date && n == 0:
		return fmt.Errorf("filter of jobs by %s without a value: %w", t.Key, ErrInvalid)
	}
	if t.Comparator == "NE" {
		s.add("NOT ")
	}
	s.add("(")
	if member.kind == Date {
		for i, n := range t.Times {
			s.or(i).add(member.column, " ", operator, " ").number(n)
		}
		s.add(")")
		return nil
	}
	for i, v := range t.Values {
		s.or(i)
		switch {
		case t.Comparator == "CONTAINS" && engine == PostgreSQL:
			s.add("position(").arg([]byte(v)).add(" IN ", member.column, ") > 0")
		case t.Comparator == "CONTAINS":
			s.add("instr(", member.column, ", ").arg([]byte(v)).add(") > 0")
		case t.Comparator == "STARTS_WITH":
			s.add(member.column, " >= ").arg([]byte(v))
			if end := prefixEnd([]byte(v)); end != nil {
				s.add(" AND ", member.column, " < ").arg(end)
			}
		case member.bytes:
			s.add(member.column, " = ").arg([]byte(v))
		case CheckText("", v) != nil:
			s.add("1 = 0") // no status or type is like that
		default:
			s.add(member.column, " = ").arg(v)
		}
	}
	s.add(")")
	return nil
}

// prefixEnd returns the first string in byte order behind all that begin with prefix, nil if there is none.
func prefixEnd(prefix []byte) []byte {
	end := bytes.TrimRight(prefix, "\xff")
	if len(end) == 0 {
		return nil
	}
	end = slices.Clone(end)
	end[len(end)-1]++
	return end
}
