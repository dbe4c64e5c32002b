package reach

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// A caller is a class of callers that no Principal element tells apart. The list of them is finite: those that policies name, and for each
// kind one that they do not, in each account that they name and in one that they do not.
//
// Where keys are linked to the caller, a class may still hold many callers, by their ARN and account: see frames.
type caller struct {
	eval.Caller
	frames map[string]*frame // by linked key; keys that are missing are free
	// stranger says that the account is open: any but those that have classes of their own. Account and ARN are placeholders.
	stranger bool
	arn      string   // "" or the pattern of aws:PrincipalArn, with %s for the account
	apart    []signed // of strangers: the accounts that have classes of their own, left out
	units    []signed
	trusted  bool // in the zone of trust, or a service: not external
	unnamed  bool // whom only "*" and NotPrincipal can mean, or every identity provider
}

// Keys that go with the caller where they are linked (design: principal, its ARN, its account, a known organization).
const (
	principalARN     = "aws:principalarn"
	principalAccount = "aws:principalaccount"
	principalOrg     = "aws:principalorgid"
	principalPaths   = "aws:principalorgpaths"
	principalType    = "aws:principaltype"
	principalID      = "aws:userid"
	principalService = "aws:principalisawsservice"
	serviceName      = "aws:principalservicename"
	serviceNames     = "aws:principalservicenameslist"
)

var linkedKeys = []string{principalARN, principalAccount, principalOrg, principalPaths, principalType, principalID, principalService, serviceName, serviceNames}

func linkedKey(folded string) bool { return slices.Contains(linkedKeys, folded) }

// maxCallers bounds the classes of callers.
const maxCallers = 20_000

// freshAccounts are ids for an account that no policy names.
var freshAccounts = []string{"210987654321", "310987654321", "410987654321", "510987654321", "610987654321"}

const fresh = "example" // names what no policy names

// makeCallers makes the classes of callers.
func (sp *space) makeCallers(layers [][]*iam.Policy) error {
	var named []*iam.Principal
	principals := false
	mentioned := map[string]bool{} // accounts, anywhere in the policies' texts
	for _, policies := range layers {
		for _, p := range policies {
			for i := range p.Statements {
				s := &p.Statements[i]
				if s.Principals != nil {
					principals = true
					for j := range s.Principals.List {
						named = append(named, &s.Principals.List[j])
						note(mentioned, s.Principals.List[j].Value)
					}
				}
				for j := range s.Conditions {
					for l := range s.Conditions[j].Values {
						note(mentioned, s.Conditions[j].Values[l].Value)
					}
				}
			}
		}
	}
	sp.mentioned = mentioned
	accountOf := func(text string) string {
		for _, a := range freshAccounts {
			if !mentioned[a] && (sp.zone == nil || !sp.zone.Trusts(a)) {
				return a
			}
		}
		return text
	}
	freshAccount := accountOf("710987654321")
	if !principals && !sp.linked {
		// Policies without principals do not ask who calls.
		sp.callers = []caller{{Caller: userOf(freshAccount, fresh)}}
		sp.coords[callerCoord].points = 1
		return nil
	}
	if sp.zone != nil {
		note(mentioned, sp.zone.Account)
	}
	m := &callerMaker{sp: sp, taken: map[string]bool{}, takenIn: map[string][]string{}}
	m.sort(named)
	m.add(caller{Caller: eval.Caller{Kind: eval.Anonymous}, unnamed: true})
	m.account(freshAccount, false)
	if sp.linked && (sp.keys[principalARN] != nil || sp.keys[principalAccount] != nil) {
		apart := maps.Clone(m.accounts)
		for a := range mentioned {
			if sp.zone != nil && sp.zone.Trusts(a) {
				apart[a] = true
			}
		}
		m.strangers(apart, freshAccount)
	}
	for _, a := range slices.Sorted(maps.Keys(m.accounts)) {
		if sp.over {
			break
		}
		m.account(a, true)
	}
	m.others()
	m.copies()
	if sp.over {
		return errSpent
	}
	if len(m.list) > maxCallers {
		return fmt.Errorf("%w: %d classes of callers", ErrTooComplex, len(m.list))
	}
	sp.callers = m.list
	sp.coords[callerCoord].points = len(m.list)
	return nil
}

// note adds the account ids that stand in a text.
func note(accounts map[string]bool, text string) {
	run := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && '0' <= text[i] && text[i] <= '9' {
			run++
			continue
		}
		if run == 12 {
			accounts[text[i-12:i]] = true
		}
		run = 0
	}
}

func userOf(account, name string) eval.Caller {
	return eval.Caller{Kind: eval.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name}
}

type callerMaker struct {
	sp                                             *space
	list                                           []caller
	accounts                                       map[string]bool
	taken                                          map[string]bool             // ARNs of callers that are named
	takenIn                                        map[string][]string         // by account
	users                                          map[string][]*iam.Principal // by account
	roles                                          map[string][]*iam.Principal // by account
	sessions                                       map[string][]*iam.Principal // by account
	fed                                            map[string][]*iam.Principal // by account
	services, providers, externals, ids, canonical []string
}

func (m *callerMaker) sort(named []*iam.Principal) {
	m.accounts = map[string]bool{}
	m.users, m.roles, m.sessions, m.fed = map[string][]*iam.Principal{}, map[string][]*iam.Principal{}, map[string][]*iam.Principal{}, map[string][]*iam.Principal{}
	seen := map[string]bool{}
	for _, p := range named {
		if seen[p.Key+p.Value] {
			continue
		}
		seen[p.Key+p.Value] = true
		by := map[iam.PrincipalKind]map[string][]*iam.Principal{iam.User: m.users, iam.Role: m.roles, iam.RoleSession: m.sessions, iam.FederatedUser: m.fed}
		switch p.Kind {
		case iam.Account:
			m.accounts[p.Account] = true
		case iam.User, iam.Role, iam.RoleSession, iam.FederatedUser:
			m.accounts[p.Account] = true
			by[p.Kind][p.Account] = append(by[p.Kind][p.Account], p)
			if p.Kind != iam.RoleSession {
				m.taken[p.Value] = true
				m.takenIn[p.Account] = append(m.takenIn[p.Account], p.Value)
			}
		case iam.UniqueID:
			m.ids = append(m.ids, p.Value)
		case iam.CanonicalUser:
			m.canonical = append(m.canonical, p.Value)
		case iam.Service:
			m.services = append(m.services, p.Value)
		case iam.FederatedProvider:
			m.providers = append(m.providers, p.Value)
		case iam.External:
			m.externals = append(m.externals, p.Value)
		}
	}
}

// add adds a class, with what AWS derives from its callers.
func (m *callerMaker) add(c caller) {
	z := m.sp.zone
	c.trusted = c.Kind == eval.Service || z != nil && c.Account != "" && z.Trusts(c.Account)
	m.sp.work(4)
	if m.sp.linked {
		m.sp.work(perStep)
		m.frame(&c)
	}
	m.list = append(m.list, c)
}

// frame says what AWS derives from the callers of a class.
func (m *callerMaker) frame(c *caller) {
	z := m.sp.zone
	c.frames = map[string]*frame{}
	derived := c.Keys()
	for _, k := range linkedKeys {
		f := &frame{absent: true}
		if v, ok := derived[k]; ok {
			f = &frame{present: true, exact: true, value: v.List[0]}
		}
		c.frames[k] = f
	}
	hasAccount := c.Kind == eval.Root || c.Kind == eval.User || c.Kind == eval.RoleSession || c.Kind == eval.FederatedUser
	switch {
	case c.Kind == eval.Service:
		delete(c.frames, serviceNames)
		delete(c.frames, principalARN) // present for most service roles
	case c.Kind == eval.Federated, c.Kind == eval.External:
		delete(c.frames, principalType)
		delete(c.frames, principalID)
	case hasAccount:
		delete(c.frames, principalOrg)
		delete(c.frames, principalPaths)
		if c.UserID == "" && c.Kind != eval.Root || c.stranger {
			delete(c.frames, principalID)
		}
		if z != nil && z.Organization != "" {
			org := m.sp.patternAtom("like", glob.Literal(z.Organization))
			paths := m.sp.patternAtom("like", pathsOf(z.Organization))
			if c.trusted {
				c.frames[principalOrg] = &frame{present: true, exact: true, value: z.Organization}
				c.frames[principalPaths] = &frame{present: true, units: []signed{yes(paths)}}
			} else {
				c.frames[principalOrg] = &frame{units: []signed{no(org)}}
				c.frames[principalPaths] = &frame{units: []signed{no(paths)}}
			}
		}
		if c.arn != "" {
			m.frameARN(c)
		}
	}
}

// pathsOf holds all paths of an organization.
func pathsOf(organization string) glob.Pattern {
	var b glob.Builder
	b.Literal(organization + "/")
	b.Star()
	return b.Pattern()
}

// frameARN confines aws:PrincipalArn to the pattern of the class, less what has classes of its own.
func (m *callerMaker) frameARN(c *caller) {
	account := c.Account
	if c.stranger {
		account = strings.Repeat("?", 12)
	}
	p, _ := glob.ARN(fmt.Sprintf(c.arn, account))
	c.units = append(slices.Clone(c.apart), yes(m.sp.patternAtom("arn", p)))
	if !c.stranger {
		m.sp.work(perStep / 20 * len(m.takenIn[account]))
		for _, a := range m.takenIn[account] {
			c.units = append(c.units, no(m.sp.patternAtom("like", glob.Literal(a))))
		}
	}
	slices.Sort(c.units)
	c.frames[principalARN] = &frame{present: true, units: c.units}
}

// account adds the classes of one account: those that are named, if they are asked for, and one each that are not.
func (m *callerMaker) account(a string, isNamed bool) {
	iamARN, stsARN := "arn:aws:iam::"+a+":", "arn:aws:sts::"+a+":"
	unnamed := !isNamed
	root := eval.Caller{Kind: eval.Root, Account: a, ARN: iamARN + "root"}
	m.add(caller{Caller: root, arn: "arn:aws*:iam::%s:root", unnamed: unnamed})
	m.add(caller{Caller: userOf(a, fresh), arn: "arn:aws*:iam::%s:user/?*", unnamed: unnamed})
	m.add(caller{Caller: sessionOf(iamARN+"role/"+fresh, a, fresh), arn: "arn:aws*:iam::%s:role/?*", unnamed: unnamed})
	m.add(caller{Caller: eval.Caller{Kind: eval.FederatedUser, Account: a, ARN: stsARN + "federated-user/" + fresh}, arn: "arn:aws*:sts::%s:federated-user/?*", unnamed: unnamed})
	if !isNamed {
		return
	}
	for _, p := range m.users[a] {
		m.add(caller{Caller: eval.Caller{Kind: eval.User, Account: a, ARN: p.Value}})
	}
	for _, p := range m.fed[a] {
		m.add(caller{Caller: eval.Caller{Kind: eval.FederatedUser, Account: a, ARN: p.Value}})
	}
	for _, p := range m.roles[a] {
		m.add(caller{Caller: sessionOf(p.Value, a, fresh)})
		for _, s := range m.sessions[a] {
			if s.Name == p.Name[strings.LastIndexByte(p.Name, '/')+1:] && s.Partition == p.Partition {
				c := sessionOf(p.Value, a, s.Session)
				c.SessionARN = s.Value
				m.add(caller{Caller: c})
			}
		}
	}
	for _, s := range m.sessions[a] {
		// The role of a session may have any path.
		for _, path := range []string{"role/", "role/?*/"} {
			role := "arn:" + s.Partition + ":iam::" + a + ":" + strings.ReplaceAll(path, "?*", fresh) + s.Name
			if m.taken[role] {
				continue
			}
			c := sessionOf(role, a, s.Session)
			c.SessionARN = s.Value
			m.add(caller{Caller: c, arn: "arn:" + s.Partition + ":iam::%s:" + path + s.Name})
		}
	}
}

func sessionOf(role, account, session string) eval.Caller {
	c := eval.Caller{Kind: eval.RoleSession, Account: account, ARN: role}
	c.SessionARN = sessionARN(role, session)
	return c
}

func sessionARN(role, session string) string {
	a, err := arn.Parse(role)
	if err != nil {
		return ""
	}
	return "arn:" + a.Partition + ":sts::" + a.Account + ":assumed-role/" + role[strings.LastIndexByte(role, '/')+1:] + "/" + session
}

// strangers adds the classes of all accounts but some.
func (m *callerMaker) strangers(apart map[string]bool, placeholder string) {
	var out []signed
	for _, a := range slices.Sorted(maps.Keys(apart)) {
		out = append(out, no(m.sp.patternAtom("arn", accountARN(a))))
	}
	for _, c := range []caller{
		{Caller: eval.Caller{Kind: eval.Root}, arn: "arn:aws*:iam::%s:root"},
		{Caller: eval.Caller{Kind: eval.User}, arn: "arn:aws*:iam::%s:user/?*"},
		{Caller: eval.Caller{Kind: eval.RoleSession}, arn: "arn:aws*:iam::%s:role/?*"},
		{Caller: eval.Caller{Kind: eval.FederatedUser}, arn: "arn:aws*:sts::%s:federated-user/?*"},
	} {
		c.Account = placeholder
		c.ARN = strings.NewReplacer("*", "", "?", fresh, "%s", placeholder).Replace(c.arn)
		c.stranger, c.unnamed = true, true
		c.apart = out
		m.add(c)
	}
}

// accountARN holds the ARNs of an account.
func accountARN(account string) glob.Pattern {
	p, _ := glob.ARN("arn:*:*:*:" + account + ":*")
	return p
}

// others adds services, federated identities and names of other stores.
func (m *callerMaker) others() {
	m.add(caller{Caller: eval.Caller{Kind: eval.Service, Name: fresh + ".amazonaws.com"}})
	for _, s := range m.services {
		m.add(caller{Caller: eval.Caller{Kind: eval.Service, Name: s}})
	}
	m.add(caller{Caller: eval.Caller{Kind: eval.Federated, Name: fresh + ".example.com"}, unnamed: true})
	for _, p := range m.providers {
		m.add(caller{Caller: eval.Caller{Kind: eval.Federated, Name: p}})
	}
	m.add(caller{Caller: eval.Caller{Kind: eval.External, Name: fresh}, unnamed: true})
	for _, e := range m.externals {
		m.add(caller{Caller: eval.Caller{Kind: eval.External, Name: e}})
	}
}

// copies adds callers that have a unique or canonical id that is named.
func (m *callerMaker) copies() {
	base := m.list
	for _, id := range m.ids {
		for _, c := range base {
			switch {
			case c.Kind == eval.User && strings.HasPrefix(id, "AIDA"):
				c.UserID = id
			case c.Kind == eval.RoleSession && strings.HasPrefix(id, "AROA"):
				c.UserID = id + ":" + fresh
			default:
				continue
			}
			if len(m.list) > maxCallers || m.sp.over {
				return
			}
			c.unnamed = false
			m.add(c)
		}
	}
	base = m.list
	for _, id := range m.canonical {
		for _, c := range base {
			if c.Kind != eval.Root && c.Kind != eval.User && c.Kind != eval.RoleSession && c.Kind != eval.FederatedUser {
				continue
			}
			if len(m.list) > maxCallers || m.sp.over {
				return
			}
			c.CanonicalUser, c.unnamed, c.units = id, false, nil
			m.add(c)
		}
	}
}

// named gives the callers that a statement's principals mean. It is not to be used once the work is over.
func (sp *space) named(s *iam.Statement) bits {
	points := newBits(len(sp.callers))
	for i := range sp.callers {
		if !sp.work(1 + len(s.Principals.List)/4) {
			break
		}
		if eval.Names(s, &sp.callers[i].Caller) != eval.NotNamed {
			points.set(i)
		}
	}
	return points
}

// solveCaller finds a class of callers, and values of the keys that go with them.
func (sp *space) solveCaller(lits []signed) (value, bool, error) {
	points := allBits(len(sp.callers))
	if !sp.work(len(sp.callers)/16 + len(lits)*(1+len(points)/32)) {
		return value{}, false, errSpent
	}
	var keyed []signed
	for _, s := range lits {
		if l := &sp.literals[litOf(s)]; l.key == nil {
			points.and(l.points, isNo(s))
		} else {
			keyed = append(keyed, s)
		}
	}
	byKey := sp.byKey(keyed)
	var undecided error
	for i := range sp.callers {
		if !points.has(i) {
			continue
		}
		if !sp.work(2 + 2*len(byKey)) {
			return value{}, false, errSpent
		}
		v, ok, err := sp.solveKeys(i, byKey)
		switch {
		case ok:
			return v, true, nil
		case errors.Is(err, errSpent):
			return value{}, false, err
		case err != nil:
			undecided = err
		}
	}
	return value{}, false, undecided
}

type keyLits struct {
	key  *key
	lits []signed
}

func (sp *space) byKey(lits []signed) []keyLits {
	var list []keyLits
next:
	for _, s := range lits {
		k := sp.literals[litOf(s)].key
		for i := range list {
			if list[i].key == k {
				list[i].lits = append(list[i].lits, s)
				continue next
			}
		}
		list = append(list, keyLits{k, []signed{s}})
	}
	return list
}

func (sp *space) solveKeys(point int, byKey []keyLits) (value, bool, error) {
	c := &sp.callers[point]
	v := value{point: point}
	if len(byKey) == 0 {
		return v, true, nil
	}
	done := -1
	if c.stranger {
		// The account is part of the ARN: both are found at once.
		var arnLits, accountLits []signed
		for _, k := range byKey {
			switch k.key.folded {
			case principalARN:
				arnLits = k.lits
			case principalAccount:
				accountLits = k.lits
			}
		}
		if arnLits != nil || accountLits != nil {
			kv, ok, err := sp.solveStranger(c, arnLits, accountLits)
			if err != nil || !ok {
				return v, false, err
			}
			v.keys = append(v.keys, kv...)
			done = 1
		}
	}
	var undecided error
	for _, k := range byKey {
		if done > 0 && (k.key.folded == principalARN || k.key.folded == principalAccount) {
			continue
		}
		f := c.frames[k.key.folded]
		if f == nil {
			f = &open
		}
		kv, ok, err := sp.solveKey(k.key, k.lits, f)
		if err != nil {
			undecided = err
			continue
		}
		if !ok {
			return v, false, nil
		}
		v.keys = append(v.keys, keyValue{k.key, kv})
	}
	return v, undecided == nil, undecided
}

// solveStranger finds the ARN of a caller of an account that is open.
func (sp *space) solveStranger(c *caller, arnLits, accountLits []signed) ([]keyValue, bool, error) {
	for _, s := range slices.Concat(arnLits, accountLits) {
		if m := sp.literals[litOf(s)].single; m == always && isNo(s) || m == never && !isNo(s) {
			return nil, false, nil
		}
	}
	var clauses [][]signed
	collect := func(lits []signed, account bool) error {
		for _, s := range lits {
			l := &sp.literals[litOf(s)]
			if l.single != onValue {
				continue
			}
			if !l.test.textual {
				return fmt.Errorf("%w: an operator for numbers, dates or addresses on %s", ErrUnsupported, l.key.name)
			}
			list := l.test.whenTrue
			if isNo(s) {
				list = l.test.whenFalse
			}
			if account {
				var err error
				if list, err = sp.onARN(list); err != nil {
					return err
				}
			}
			clauses = append(clauses, list...)
		}
		return nil
	}
	if err := collect(arnLits, false); err != nil {
		return nil, false, err
	}
	if err := collect(accountLits, true); err != nil {
		return nil, false, err
	}
	for _, u := range c.units {
		clauses = append(clauses, []signed{u})
	}
	k := sp.keys[principalARN]
	if k == nil {
		k = &key{folded: principalARN, name: "aws:PrincipalArn"}
	}
	if !sp.spend(1) {
		return nil, false, errSpent
	}
	s, ok, err := sp.text(&key{}, clauses)
	if err != nil || !ok {
		return nil, false, err
	}
	s, ok = sp.realAccount(s, clauses)
	if !ok {
		return nil, false, fmt.Errorf("%w: no account was found that patterns ask for", ErrUnsupported)
	}
	kv := []keyValue{{k, value{list: []string{s}}}}
	if k := sp.keys[principalAccount]; k != nil {
		kv = append(kv, keyValue{k, value{list: []string{accountIn(s)}}})
	}
	return kv, true, nil
}

// onARN turns clauses about an account into such about ARNs.
func (sp *space) onARN(clauses [][]signed) ([][]signed, error) {
	list := make([][]signed, 0, len(clauses))
	for _, clause := range clauses {
		var c []signed
		for _, a := range clause {
			id := litOf(a)
			if sp.atoms[id].template != nil {
				return nil, fmt.Errorf("%w: a variable in a value of aws:PrincipalAccount", ErrUnsupported)
			}
			if sp.atoms[id].account == 0 {
				sp.atoms[id].account = sp.accountAtom(sp.atoms[id].pattern)
			}
			switch on := sp.atoms[id].account; {
			case on < 0 && isNo(a):
				c = append(c, no(sp.patternAtom("like", glob.Pattern{}))) // always
			case on > 0 && isNo(a):
				c = append(c, no(on-1))
			case on > 0:
				c = append(c, yes(on-1))
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// accountAtom makes the atom of ARNs whose account is in a pattern, plus one; -1 if no account is.
func (sp *space) accountAtom(p glob.Pattern) int32 {
	if p.IsLiteral() && !arn.IsAccount(p.String()) || strings.Trim(p.String(), "0123456789*?") != "" {
		return -1
	}
	q, _ := glob.ARN("arn:*:*:*:" + p.String() + ":*")
	return sp.patternAtom("arn", q) + 1
}

// realAccount puts digits where an ARN's account has other characters, so that the clauses still hold.
func (sp *space) realAccount(s string, clauses [][]signed) (string, bool) {
	a, err := arn.Parse(s)
	if err != nil {
		return "", false
	}
	for digit := range 10 {
		account := []byte(a.Account)
		for i, c := range account {
			if c < '0' || c > '9' {
				account[i] = byte('0' + (digit+i*7)%10)
			}
		}
		b := a
		b.Account = string(account)
		if text := b.String(); arn.IsAccount(b.Account) && (sp.zone == nil || !sp.zone.Trusts(b.Account)) && sp.meetsClauses(clauses, text) {
			return text, true
		}
	}
	return "", false
}

func accountIn(s string) string {
	a, _ := arn.Parse(s)
	return a.Account
}
