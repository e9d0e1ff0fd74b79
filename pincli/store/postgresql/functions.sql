-- What agents do. A desk calls these functions; it writes no table and reads no secret.
--
-- They are rules/lockout.py and store/steps/attempts.py in SQL; a test compares both over every
-- small state. functions.py replaces the names in double braces, with lists and numbers from
-- models.py and rules/, and drops the old functions.
--
-- A desk can be stolen, so every caller may be an attacker:
-- * A transaction that has charged compares nothing. Otherwise a caller could roll both back.
-- * A caller chooses the session's settings. So every public function sets the search_path, and
--   the settings that could show a secret. No text here has a backslash, and no INTO is STRICT:
--   its error could show values.
-- * Arguments are checked first: the error of a broken CHECK would show the row.
-- * The user's row is locked first, then the row of the store, each by a statement of its own.
--   Only later statements are sure to read what is as new as the lock.

-- rules/canonical.py: each name and each value after its length. One call frames a whole row; a call
-- for each column would take twice the time.
CREATE FUNCTION pincli._framed(names text[], parts bytea[]) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT string_agg(
      int8send(octet_length(name)) || convert_to(name, 'UTF8') || int8send(octet_length(part)) || part,
      ''::bytea ORDER BY place)
    FROM unnest(names, parts) WITH ORDINALITY AS x (name, part, place)
    WHERE part IS NOT NULL
$$;

-- rules/canonical.py: record_digest.
CREATE FUNCTION pincli._record(u pincli.people) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN sha256({{record_label}} || {{record}});
END $$;

-- rules/canonical.py: link_of.
CREATE FUNCTION pincli._link(previous bytea, e pincli.trail) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN sha256({{event_label}} || int8send(octet_length(previous)) || previous || {{event}});
END $$;

-- rules/canonical.py: texts_digest.
CREATE FUNCTION pincli._texts(x pincli.texts) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN sha256({{texts_label}} || int8send(octet_length(x.blind)) || x.blind || {{texts}});
END $$;

-- A time as events hold it.
CREATE FUNCTION pincli._written(moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- rules/lockout.py: state_of.
CREATE FUNCTION pincli._state(u pincli.people) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN u.active <> 1 THEN 'inactive'
    WHEN u.type NOT IN ({{types_with_pins}}) THEN 'ineligible'
    WHEN u.failed_attempts >= {{attempts_allowed}} AND u.attempt IS NULL THEN 'locked'
    WHEN u.question IS NULL THEN 'uncollected'
    ELSE 'active' END
$$;

-- Called first. Texts must be short, and agent and command given. The commit waits for the disk, and
-- for synchronous standbys, whatever the session sets: a lost attempt would be a guess given back.
CREATE FUNCTION pincli._begin(p_agent text, p_command text, VARIADIC p_texts text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF p_agent IS NULL OR p_command IS NULL THEN
    RAISE EXCEPTION 'agent and command are missing' USING ERRCODE = '22004';
  END IF;
  IF octet_length(concat(p_agent, p_command)) + octet_length(concat(VARIADIC p_texts)) > {{longest}} THEN
    RAISE EXCEPTION 'the texts are too long' USING ERRCODE = '22001';
  END IF;
  IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
END $$;

-- Locks and returns a user's record. It must be as its newest event says, unless that event was
-- archived.
CREATE FUNCTION pincli._user(p_uid bytea) RETURNS pincli.people
LANGUAGE plpgsql AS $$
DECLARE
  u pincli.people;
  newest record;
  sound boolean;
BEGIN
  SELECT * INTO u FROM pincli.people AS p WHERE p.uid = p_uid FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such user' USING ERRCODE = 'PC004';
  END IF;
  SELECT t.number, t.record INTO newest FROM pincli.trail AS t
    WHERE t.uid = p_uid AND t.record IS NOT NULL ORDER BY t.number DESC LIMIT 1;
  IF FOUND THEN
    sound := newest.number = u.event AND newest.record = pincli._record(u);
  ELSE
    sound := u.event > 0 AND u.event <= (SELECT s.start_number FROM pincli.store AS s WHERE s.id = 1);
  END IF;
  IF sound IS NOT TRUE THEN
    RAISE EXCEPTION 'the record was changed behind the trail' USING ERRCODE = 'PC003';
  END IF;
  RETURN u;
END $$;

-- Locks the end of the trail, and fails if the store is older than the mark of the caller's host. A
-- newer epoch is a restore, which every host accepts. An archived event can't be compared.
CREATE FUNCTION pincli._require_seen(p_number bigint, p_link bytea, p_epoch bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  s pincli.store;
  link bytea;
BEGIN
  SELECT * INTO s FROM pincli.store AS x WHERE x.id = 1 FOR UPDATE;
  IF p_number IS NULL OR p_epoch < s.epoch OR (p_epoch = s.epoch AND p_number < s.start_number) THEN
    RETURN;
  END IF;
  IF p_number = s.head_number THEN
    link := s.head_link;
  ELSIF p_number = s.start_number THEN
    link := s.start_link;
  ELSE
    SELECT t.link INTO link FROM pincli.trail AS t WHERE t.number = p_number;
  END IF;
  IF p_epoch IS DISTINCT FROM s.epoch OR p_number > s.head_number OR link IS DISTINCT FROM p_link THEN
    RAISE EXCEPTION 'the store is older than what this host has seen' USING ERRCODE = 'PC002';
  END IF;
END $$;

-- Appends an event; the caller has set in `e` what only the caller knows. Returns the record, with
-- the event's number if the event changes the record.
CREATE FUNCTION pincli._append(
  INOUT u pincli.people, e pincli.trail, changed boolean, p_ticket text, p_name text,
  p_reason text DEFAULT NULL
) LANGUAGE plpgsql AS $$
DECLARE
  previous bytea;
  x pincli.texts;
BEGIN
  SELECT s.head_number + 1, s.head_link INTO e.number, previous
    FROM pincli.store AS s WHERE s.id = 1 FOR UPDATE;
  e.database_login := session_user;
  e.uid := u.uid;
  e.account := u.account;
  e.counter := u.failed_attempts;
  e.pin_version := u.pin_version;
  IF changed THEN
    u.event := e.number;
    e.record := pincli._record(u);
  END IF;
  IF p_ticket IS NOT NULL OR p_name IS NOT NULL OR p_reason IS NOT NULL THEN
    x.number := e.number;
    x.blind := uuid_send(gen_random_uuid());
    x.reason := p_reason;
    x.ticket := p_ticket;
    x.name := p_name;
    e.texts := pincli._texts(x);
    INSERT INTO pincli.texts SELECT x.*;
  END IF;
  e.link := pincli._link(previous, e);
  INSERT INTO pincli.trail SELECT e.*;
  IF e.kind IN ('locked', 'locked_by_hand') THEN
    INSERT INTO pincli.notices (number)
      SELECT e.number WHERE EXISTS (SELECT FROM pincli.notices AS n WHERE n.number = 0);
  END IF;
  UPDATE pincli.store AS s SET head_number = e.number, head_link = e.link WHERE s.id = 1;
END $$;

-- Writes a changed record. The counter grows by one at most, or to its bound by a lock.
CREATE FUNCTION pincli._save(u pincli.people, p_event bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE pincli.people AS p SET
      failed_attempts = u.failed_attempts,
      locked_since = u.locked_since,
      last_locked_at = u.last_locked_at,
      locks_total = u.locks_total,
      attempts_total = u.attempts_total,
      last_attempt_at = u.last_attempt_at,
      last_attempt_by = u.last_attempt_by,
      last_verified_at = u.last_verified_at,
      last_verified_by = u.last_verified_by,
      {{attempt_and_call_as_in_u}},
      event = u.event,
      seal = NULL
    WHERE p.id = u.id AND p.event = p_event
      AND u.failed_attempts <= {{attempts_allowed}}
      AND (u.failed_attempts <= p.failed_attempts + 1 OR u.locked_since IS NOT NULL);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the record is another one' USING ERRCODE = 'PC003';
  END IF;
END $$;

-- rules/lockout.py: _with_lock.
CREATE FUNCTION pincli._with_lock(INOUT u pincli.people, p_at text)
LANGUAGE plpgsql AS $$
BEGIN
  u.locked_since := p_at;
  u.last_locked_at := p_at;
  u.locks_total := u.locks_total + 1;
END $$;

-- rules/lockout.py: finished; or with `p_locks`, ended_first before a lock by hand, so that nobody
-- is told *verified*. `p_by` is the agent whose command ends the attempt.
CREATE FUNCTION pincli._finish(
  INOUT u pincli.people, p_at text, p_by text, p_locks boolean DEFAULT false
) LANGUAGE plpgsql AS $$
DECLARE
  before bigint := u.event;
  ticket text := u.attempt_ticket;
  agent text := u.attempt_agent;
  e pincli.trail;
  is_right boolean;
BEGIN
  IF u.attempt IS NULL THEN
    RETURN;
  END IF;
  -- The line that stops guessing by rollback.
  PERFORM FROM pincli.nonces AS n WHERE n.xid = pg_current_xact_id();
  IF FOUND THEN
    RAISE EXCEPTION 'the charge is not committed' USING ERRCODE = 'PC001';
  END IF;
  -- How long two digests of digests take to compare tells nothing of either.
  is_right := coalesce(sha256(u.attempt_answer) = sha256(u.pin_check), false);
  e.at := p_at;
  e.agent := coalesce(agent, '');
  e.command := coalesce(u.attempt_command, '');
  e.ended_by := nullif(p_by, e.agent);
  e.attempt := u.attempt;
  e.kind := CASE WHEN is_right THEN 'verified' ELSE 'incorrect' END;
  e.outcome := e.kind;
  {{no_attempt}}
  IF is_right AND p_locks THEN
    u.failed_attempts := {{attempts_allowed}};
    e.kind := 'refused';
    e.outcome := pincli._state(u);
    u.failed_attempts := 0;
  ELSIF is_right THEN
    u.failed_attempts := 0;
    u.last_verified_at := p_at;
    u.last_verified_by := agent;
  END IF;
  u := pincli._append(u, e, true, ticket, NULL);
  IF u.failed_attempts >= {{attempts_allowed}} THEN
    u := pincli._with_lock(u, p_at);
    e.kind := 'locked';
    e.attempt := NULL;
    e.outcome := NULL;
    u := pincli._append(u, e, true, NULL, NULL);
  END IF;
  PERFORM pincli._save(u, before);
END $$;

-- store/steps/attempts.py: charge. The same nonce for the same user is the same attempt.
CREATE FUNCTION pincli.charge(
  p_uid bytea, p_version bigint, p_question text, p_answer bytea, p_nonce uuid,
  p_agent text, p_command text, p_ticket text,
  {{mark}},
  OUT attempt bigint, OUT outcome text, {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  u pincli.people;
  before bigint;
  e pincli.trail;
  known pincli.nonces;
BEGIN
  PERFORM pincli._begin(p_agent, p_command, p_ticket);
  IF p_nonce IS NULL OR octet_length(p_answer) <> 32 THEN
    RAISE EXCEPTION 'a nonce and an answer of 32 bytes are needed' USING ERRCODE = '22023';
  END IF;
  u := pincli._user(p_uid);
  PERFORM pincli._require_seen(p_seen_number, p_seen_link, p_seen_epoch);
  SELECT * INTO known FROM pincli.nonces AS n WHERE n.nonce = p_nonce;
  IF known.nonce IS NULL THEN
    PERFORM FROM pincli.nonces AS n WHERE n.xid = pg_current_xact_id();
    IF FOUND THEN
      RAISE EXCEPTION 'two charges in one transaction' USING ERRCODE = 'PC001';
    END IF;
    e.at := pincli._written(clock_timestamp());
    u := pincli._finish(u, e.at, p_agent);
    e.agent := p_agent;
    e.command := p_command;
    outcome := nullif(pincli._state(u), 'active');
    IF outcome IS NOT NULL THEN
      e.kind := 'refused';
      e.outcome := outcome;
      PERFORM pincli._append(u, e, false, p_ticket, NULL);
    ELSIF p_answer IS NOT NULL AND u.pin_version = p_version AND u.question = p_question THEN
      SELECT s.head_number + 1 INTO attempt FROM pincli.store AS s WHERE s.id = 1;
      before := u.event;
      u.failed_attempts := u.failed_attempts + 1;
      u.attempts_total := u.attempts_total + 1;
      u.last_attempt_at := e.at;
      u.last_attempt_by := p_agent;
      u.attempt := attempt;
      u.attempt_answer := sha256(p_answer);
      u.attempt_at := e.at;
      u.attempt_agent := p_agent;
      u.attempt_command := p_command;
      u.attempt_ticket := p_ticket;
      u.call_agent := p_agent;
      u.call_ref := p_ticket;
      u.call_since := e.at;
      e.kind := 'attempt';
      u := pincli._append(u, e, true, p_ticket, NULL);
      PERFORM pincli._save(u, before);
      -- Nobody asks again for an answer that was lost a day ago.
      DELETE FROM pincli.nonces AS n WHERE n.uid = p_uid AND n.at < clock_timestamp() - interval '1 day';
      INSERT INTO pincli.nonces (nonce, uid, attempt, xid)
        VALUES (p_nonce, p_uid, u.attempt, pg_current_xact_id());
    END IF;
  ELSIF known.uid = p_uid THEN
    attempt := known.attempt;
  ELSE
    RAISE EXCEPTION 'the nonce is taken' USING ERRCODE = '22023';
  END IF;
  {{read_head}}
END $$;

-- store/steps/attempts.py: settle. Check and proof are returned only with a yes. The outcome is NULL
-- if this login has charged no such attempt.
CREATE FUNCTION pincli.settle(
  p_nonce uuid, p_uid bytea, p_agent text, p_command text,
  OUT outcome text, OUT state text, OUT pin_check bytea, OUT pin_proof bytea, OUT locked boolean,
  {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  u pincli.people;
  locks bigint;
  e pincli.trail;
  charged pincli.trail;
BEGIN
  PERFORM pincli._begin(p_agent, p_command);
  u := pincli._user(p_uid);
  locks := u.locks_total;
  SELECT t.* INTO charged FROM pincli.nonces AS n
    JOIN pincli.trail AS t ON t.number = n.attempt AND t.uid = n.uid
    WHERE n.nonce = p_nonce AND n.uid = p_uid AND t.kind = 'attempt' AND t.database_login = session_user;
  IF charged.number IS NOT NULL THEN
    e.at := pincli._written(clock_timestamp());
    IF u.attempt = charged.number THEN
      u := pincli._finish(u, e.at, p_agent);
    END IF;
    state := pincli._state(u);
    SELECT t.outcome INTO outcome FROM pincli.trail AS t
      WHERE t.uid = p_uid AND t.number > charged.number AND t.attempt = charged.number
      ORDER BY t.number LIMIT 1;
    IF outcome IS NULL THEN
      RAISE EXCEPTION 'the attempt has no outcome' USING ERRCODE = 'PC003';
    END IF;
    IF outcome = 'verified' AND (state <> 'active' OR u.pin_version <> charged.pin_version) THEN
      -- Nobody is told *verified* with a PIN that was withdrawn, replaced or locked meanwhile.
      outcome := CASE WHEN state = 'active' THEN 'incorrect' ELSE state END;
      e.agent := p_agent;
      e.command := p_command;
      e.kind := 'not_told';
      e.attempt := charged.number;
      e.outcome := outcome;
      PERFORM pincli._append(u, e, false, NULL, NULL);
    END IF;
    IF outcome = 'verified' THEN
      pin_check := u.pin_check;
      pin_proof := u.pin_proof;
    END IF;
    locked := u.locks_total > locks;
  END IF;
  {{read_head}}
END $$;

-- store/steps/attempts.py: refuse_unless_active, if a user is given. Also records an unknown name, a
-- command that a role or a rule refused, a view of a user, and a ticket for an attempt of the same
-- agent and login.
CREATE FUNCTION pincli.record(
  p_uid bytea, p_name text, p_kind text, p_attempt bigint, p_outcome text, p_ticket text,
  {{caller_and_mark}},
  OUT outcome text, OUT state text, OUT locked boolean, {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  u pincli.people;
  locks bigint;
  e pincli.trail;
BEGIN
  PERFORM pincli._begin(p_agent, p_command, p_name, p_ticket, p_outcome);
  IF NOT (CASE p_kind
    WHEN 'refused' THEN p_attempt IS NULL
      AND (p_uid IS NULL OR p_name IS NULL) AND (p_uid IS NOT NULL OR p_outcome IS NOT NULL)
    WHEN 'viewed' THEN p_uid IS NOT NULL
      AND num_nonnulls(p_name, p_attempt, p_outcome, p_ticket) = 0
    WHEN 'ticket_added' THEN p_ticket IS NOT NULL AND num_nonnulls(p_name, p_outcome) = 0
      AND EXISTS (SELECT 1 FROM pincli.trail AS t WHERE t.number = p_attempt AND t.uid = p_uid
        AND t.kind = 'attempt' AND t.agent = p_agent AND t.database_login = session_user)
    ELSE false
  END) THEN
    RAISE EXCEPTION 'only refusals, views and tickets are recorded' USING ERRCODE = '22023';
  END IF;
  IF p_uid IS NOT NULL THEN
    u := pincli._user(p_uid);
  END IF;
  PERFORM pincli._require_seen(p_seen_number, p_seen_link, p_seen_epoch);
  e.at := pincli._written(clock_timestamp());
  outcome := p_outcome;
  IF p_uid IS NOT NULL AND p_kind = 'refused' THEN
    locks := u.locks_total;
    u := pincli._finish(u, e.at, p_agent);
    locked := u.locks_total > locks;
    state := pincli._state(u);
    outcome := nullif(state, 'active');
  END IF;
  IF outcome IS NOT NULL OR p_kind <> 'refused' THEN
    e.agent := p_agent;
    e.command := p_command;
    e.kind := p_kind;
    e.attempt := p_attempt;
    e.outcome := outcome;
    PERFORM pincli._append(u, e, false, p_ticket, p_name);
  END IF;
  {{read_head}}
END $$;

-- store/steps/attempts.py: finish, for an attempt that has been open for ten seconds.
CREATE FUNCTION pincli.finish(
  p_uid bytea, {{caller_and_mark}},
  OUT locked boolean, {{out_head}}
) LANGUAGE plpgsql {{hardly_waiting}} AS $$
DECLARE
  u pincli.people;
  locks bigint;
BEGIN
  PERFORM pincli._begin(p_agent, p_command);
  u := pincli._user(p_uid);
  PERFORM pincli._require_seen(p_seen_number, p_seen_link, p_seen_epoch);
  locks := u.locks_total;
  IF u.attempt_at < pincli._written(clock_timestamp() - make_interval(secs => {{left_open}})) THEN
    u := pincli._finish(u, pincli._written(clock_timestamp()), p_agent);
  END IF;
  locked := u.locks_total > locks;
  {{read_head}}
END $$;

-- store/steps/pins.py: lock. It needs no PIN and gives no guess.
CREATE FUNCTION pincli.lock(
  p_uid bytea, p_reason text, {{caller_and_mark}},
  OUT changed boolean, OUT locked boolean, {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  u pincli.people;
  before bigint;
  locks bigint;
  e pincli.trail;
BEGIN
  PERFORM pincli._begin(p_agent, p_command, p_reason);
  IF p_reason IS NULL THEN
    RAISE EXCEPTION 'the reason is missing' USING ERRCODE = '22004';
  END IF;
  u := pincli._user(p_uid);
  PERFORM pincli._require_seen(p_seen_number, p_seen_link, p_seen_epoch);
  locks := u.locks_total;
  e.at := pincli._written(clock_timestamp());
  u := pincli._finish(u, e.at, p_agent, true);
  changed := u.failed_attempts < {{attempts_allowed}};
  IF changed THEN
    before := u.event;
    u.failed_attempts := {{attempts_allowed}};
    u := pincli._with_lock(u, e.at);
    e.agent := p_agent;
    e.command := p_command;
    e.kind := 'locked_by_hand';
    u := pincli._append(u, e, true, NULL, NULL, p_reason);
    PERFORM pincli._save(u, before);
  END IF;
  locked := u.locks_total > locks;
  {{read_head}}
END $$;

-- store/steps/calls.py: begin and end. A caller can claim to be any agent.
CREATE FUNCTION pincli.call(
  p_uid bytea, p_ref text, p_ends boolean, p_anybodys boolean, {{caller_and_mark}},
  OUT outcome text, OUT locked boolean, {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  u pincli.people;
  before bigint;
  locks bigint;
  ticket text := p_ref;
  moment timestamptz;
  e pincli.trail;
BEGIN
  PERFORM pincli._begin(p_agent, p_command, p_ref);
  u := pincli._user(p_uid);
  PERFORM pincli._require_seen(p_seen_number, p_seen_link, p_seen_epoch);
  moment := clock_timestamp();
  locks := u.locks_total;
  e.at := pincli._written(moment);
  u := pincli._finish(u, e.at, p_agent);
  locked := u.locks_total > locks;
  before := u.event;
  e.agent := p_agent;
  e.command := p_command;
  IF p_ends IS NOT TRUE THEN
    outcome := 'call_begun';
    u.call_agent := p_agent;
    u.call_ref := p_ref;
    u.call_since := e.at;
  ELSIF u.call_agent IS NOT NULL
      AND u.call_since > pincli._written(moment - make_interval(secs => {{call_lasts}}))
      AND u.call_since <= pincli._written(moment + make_interval(secs => {{ahead_at_most}})) THEN
    IF u.call_agent = p_agent OR p_anybodys IS TRUE THEN
      outcome := 'call_ended';
      ticket := u.call_ref;
      u.call_agent := NULL;
      u.call_ref := NULL;
      u.call_since := NULL;
    ELSE
      outcome := 'call_of_another';
      e.kind := 'refused';
      e.outcome := outcome;
      PERFORM pincli._append(u, e, false, NULL, NULL);
    END IF;
  END IF;
  IF outcome IN ('call_begun', 'call_ended') THEN
    e.kind := outcome;
    u := pincli._append(u, e, true, ticket, NULL);
    PERFORM pincli._save(u, before);
  END IF;
  {{read_head}}
END $$;

-- store/sql/notices.py: next_notice.
CREATE FUNCTION pincli.next_notice(
  p_agent text, p_command text,
  OUT notice text[], {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  now text := pincli._written(clock_timestamp());
BEGIN
  PERFORM pincli._begin(p_agent, p_command);
  {{read_head}}
  INSERT INTO pincli.notices (number) VALUES (0) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN;
  END IF;
  UPDATE pincli.notices AS n SET tried_at = now WHERE n.number = 0 AND (n.tried_at IS NULL
    OR n.tried_at > now OR n.tried_at <= pincli._written(clock_timestamp() - make_interval(secs => {{again}})));
  IF NOT FOUND THEN
    RETURN;
  END IF;
  DELETE FROM pincli.notices AS n
    WHERE n.number > 0 AND NOT EXISTS (SELECT FROM pincli.trail AS t WHERE t.number = n.number);
  SELECT ARRAY[n.number::text, t.at, t.kind, t.agent, p.login, p.account, p.display_name, p.locks_total::text]
    INTO notice FROM pincli.notices AS n
    JOIN pincli.trail AS t ON t.number = n.number JOIN pincli.people AS p ON p.uid = t.uid
    ORDER BY n.number LIMIT 1;
  IF notice IS NULL THEN
    UPDATE pincli.notices AS n SET tried_at = NULL WHERE n.number = 0;
  END IF;
END $$;

-- store/steps/alerts.py: delivered.
CREATE FUNCTION pincli.delivered(
  p_number bigint, p_failure text, {{caller_and_mark}},
  {{out_head}}
) LANGUAGE plpgsql {{waiting}} AS $$
DECLARE
  u pincli.people;
  e pincli.trail;
BEGIN
  PERFORM pincli._begin(p_agent, p_command, p_failure);
  PERFORM pincli._require_seen(p_seen_number, p_seen_link, p_seen_epoch);
  e.at := pincli._written(clock_timestamp());
  IF p_failure IS NULL THEN
    DELETE FROM pincli.notices AS n WHERE n.number = p_number AND n.number > 0;
    UPDATE pincli.notices AS n SET tried_at = NULL WHERE n.number = 0;
  ELSE
    UPDATE pincli.notices AS n SET tried_at = e.at WHERE n.number = 0;
    UPDATE pincli.notices AS n SET tried_at = e.at WHERE n.number = p_number AND n.tried_at IS NULL;
    IF FOUND THEN
      e.agent := p_agent;
      e.command := p_command;
      e.kind := 'notice_failed';
      e.note := p_number || ': ' || p_failure;
      PERFORM pincli._append(u, e, false, NULL, NULL);
    END IF;
  END IF;
  {{read_head}}
END $$;
