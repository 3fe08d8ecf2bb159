-- Purses and leases in the database (spec/money.md §2). Whoever changes a rule here changes workspaces/local_purse.py too.

-- Where the window of an interval (d, w, m, t for lifetime) begins; the twin of workspaces/windows.py.
CREATE OR REPLACE FUNCTION window_start_of(_interval text, _at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE _interval
        WHEN 'd' THEN date_trunc('day', _at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
        WHEN 'w' THEN date_trunc('week', _at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
        WHEN 'm' THEN date_trunc('month', _at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
        WHEN 't' THEN timestamptz '2000-01-01 00:00:00+00'
    END
$$;

-- What a purse has left for new holds; NULL where nothing limits it. least() skips NULLs.
-- PL/pgSQL, so that it may name columns that later migrations add.
CREATE OR REPLACE FUNCTION purse_room(_purse purse) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN least(
        _purse.limit_nano - _purse.spent_nano - _purse.leased_nano,
        _purse.limit_with_byok_nano - _purse.spent_nano - _purse.byok_nano - _purse.leased_nano,
        _purse.limit_on_byok_nano - _purse.byok_nano - _purse.leased_nano);
END $$;

-- Whether as much as one of the limits is spent, whatever is leased.
CREATE OR REPLACE FUNCTION purse_is_spent(_purse purse) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN coalesce(_purse.spent_nano >= _purse.limit_nano, false)
        OR coalesce(_purse.spent_nano + _purse.byok_nano >= _purse.limit_with_byok_nano, false)
        OR coalesce(_purse.byok_nano >= _purse.limit_on_byok_nano, false);
END $$;

-- How much of a queue of holds fits into the room. This is the central rule:
-- strict: a hold must fit, one that does not is passed over;
-- default: a hold is taken while anything is left, and the first that finds nothing ends the queue.
CREATE OR REPLACE FUNCTION lease_taken(_asks bigint[], _room bigint, _is_strict boolean) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    ask bigint;
    taken bigint := 0;
BEGIN
    FOREACH ask IN ARRAY _asks LOOP
        IF ask = 0 OR _room IS NULL OR (_is_strict AND taken + ask <= _room) OR (NOT _is_strict AND taken < _room) THEN
            taken := taken + ask;
        ELSIF NOT _is_strict THEN
            EXIT;
        END IF;
    END LOOP;
    RETURN taken;
END $$;

-- A purse's row holds one window, the newest that anybody asked about: move it on.
CREATE OR REPLACE FUNCTION purse_rolled(_purse purse, _window timestamptz) RETURNS purse
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF _window IS DISTINCT FROM window_start_of(_purse."interval", _window) THEN
        RAISE 'no window of interval % begins at %', _purse."interval", _window;
    END IF;
    IF _window <= _purse.window_start THEN
        RETURN _purse;
    END IF;
    IF _window > now() + interval '2 seconds' THEN
        RAISE 'the window of % has not begun', _window;
    END IF;
    _purse.window_start := _window;
    _purse.spent_nano := 0;
    _purse.byok_nano := 0;
    _purse.leased_nano := 0;
    _purse.is_tight := false;
    _purse.loose := 0;
    _purse.holders := 0;
    RETURN _purse;
END $$;

-- A lease of a window that has passed takes back and owes, which no longer concerns the purse.
CREATE OR REPLACE FUNCTION lease_passed(_process uuid, _purse bigint, _window timestamptz, _change bigint) RETURNS void
LANGUAGE sql AS $$
    UPDATE lease SET granted_nano = granted_nano + _change
        WHERE process_id = _process AND purse_id = _purse AND window_start = _window;
    DELETE FROM lease
        WHERE process_id = _process AND purse_id = _purse AND window_start = _window AND granted_nano = consumed_nano;
$$;

-- Give back, owe, ask and renew in one call: one purse, one row lock, one transaction.
--   _give   free money returned                 _force  cost beyond holds, counted unconditionally
--   _asks   the waiting holds, in order         _want   reserve wished for beyond them
--   _unit   the caller's mean hold              _leave  end the lease if all of it is accounted for
-- status: ok; left (the lease is gone); window (a newer window is current: see current_window); fenced; gone (no purse).
-- delta: money granted.  others_loose: somebody else may hold reserve.  room: what is left, NULL without a limit.
-- byok: what BYOK requests spent in the window; which of a purse's two limits is short follows from it.
CREATE OR REPLACE FUNCTION lease_op(
    _process uuid, _epoch integer, _purse bigint, _window timestamptz, _give bigint, _force bigint,
    _asks bigint[], _want bigint, _unit bigint, _leave boolean,
    OUT status text, OUT delta bigint, OUT tight boolean, OUT others_loose boolean, OUT room bigint,
    OUT exhausted boolean, OUT current_window timestamptz, OUT byok bigint)
LANGUAGE plpgsql AS $$
DECLARE
    p purse;
    mine lease;
    others integer;
    near bigint;
    asked bigint := (SELECT coalesce(sum(ask), 0) FROM unnest(_asks) ask);
    taken bigint;
    rings boolean := false;
BEGIN
    IF least(_give, _force, _want, asked) < 0 THEN
        RAISE 'a lease call has no negative amounts';
    END IF;
    IF cardinality(_asks) = 0 AND _want = 0 AND _force = 0 AND NOT _leave THEN
        -- Losing a return hides money until the process reads its leases again; it never creates any.
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    delta := 0; tight := true; others_loose := false; room := 0; exhausted := false; byok := 0;
    SELECT * INTO p FROM purse WHERE id = _purse FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        status := 'gone';
        RETURN;
    END IF;
    PERFORM 1 FROM gateway_process WHERE id = _process AND epoch = _epoch;
    IF NOT FOUND THEN
        status := 'fenced'; current_window := p.window_start;
        RETURN;
    END IF;
    p := purse_rolled(p, _window);
    current_window := p.window_start; byok := p.byok_nano;
    IF _window < p.window_start THEN
        PERFORM lease_passed(_process, _purse, _window, _force - _give);
        status := 'window';
        RETURN;
    END IF;
    SELECT * INTO mine FROM lease WHERE process_id = _process AND purse_id = _purse AND window_start = _window;
    p.leased_nano := p.leased_nano + _force - _give;
    others := p.loose - coalesce(mine.is_loose, false)::integer;

    IF _leave AND asked = 0 AND coalesce(mine.granted_nano + _force - _give = mine.consumed_nano, _force = _give) THEN
        DELETE FROM lease WHERE process_id = _process AND purse_id = _purse AND window_start = _window;
        p.holders := p.holders - (mine.process_id IS NOT NULL)::integer;
        p.loose := others;
        status := 'left';
    ELSE
        p.holders := p.holders + (mine.process_id IS NULL)::integer;
        p.unit_nano := greatest(_unit, p.unit_nano - p.unit_nano / 64);
        room := purse_room(p);
        taken := lease_taken(_asks, room, p.is_strict);
        room := room - taken;
        near := p.holders * p.unit_nano;
        rings := NOT p.is_tight AND p.holders > 1 AND room < near;
        -- What a hold took beyond the limit is nobody's reserve: it goes back as soon as the hold is settled.
        p.is_tight := coalesce(
            room < 0 OR p.holders > 1 AND room < CASE WHEN p.is_tight THEN 3 * near ELSE near END, false);
        rings := coalesce((rings OR p.is_tight AND taken < asked) AND others > 0, false);
        delta := taken;
        IF NOT p.is_tight THEN
            delta := taken + greatest(0, least(_want, CASE WHEN p.holders = 1 THEN room ELSE room / (2 * p.holders) END));
        END IF;
        room := room - (delta - taken);
        p.leased_nano := p.leased_nano + delta;
        p.loose := others + (NOT p.is_tight)::integer;
        INSERT INTO lease (process_id, purse_id, window_start, granted_nano, consumed_nano, is_loose)
            VALUES (_process, _purse, _window, delta + _force - _give, 0, NOT p.is_tight)
            ON CONFLICT (process_id, purse_id, window_start)
            DO UPDATE SET granted_nano = lease.granted_nano + excluded.granted_nano, is_loose = excluded.is_loose;
        status := 'ok';
    END IF;
    UPDATE purse SET window_start = p.window_start, spent_nano = p.spent_nano, byok_nano = p.byok_nano,
            leased_nano = p.leased_nano, unit_nano = p.unit_nano, is_tight = p.is_tight, loose = p.loose, holders = p.holders
        WHERE id = _purse;
    IF rings THEN
        PERFORM pg_notify('purse', _purse::text);
    END IF;
    tight := p.is_tight; others_loose := others > 0;
    exhausted := purse_is_spent(p);
END $$;
