-- name: versions
-- Versions that were started.
SELECT journey, version, status, definition, started_at, scanned_until FROM journey_versions
WHERE CAST(:journey AS TEXT) IS NULL OR journey = :journey
ORDER BY journey, version

-- name: add_version
-- A version begins.
INSERT INTO journey_versions (journey, version, status, definition, started_at, scanned_until)
VALUES (:journey, :version, 'live', :definition, :at, :at)

-- name: set_status
-- A version is live, stands still, or was replaced.
UPDATE journey_versions SET status = :status WHERE journey = :journey AND version = :version

-- name: set_scanned
-- Dates were looked for until an instant.
UPDATE journey_versions SET scanned_until = :at WHERE journey = :journey AND version = :version

-- name: runs_of
-- Runs of people, also of profiles that were joined into them.
SELECT r.body, r.notes, r.person_id AS living FROM journey_runs r WHERE r.person_id IN (/*ids*/)
UNION ALL
SELECT r.body, r.notes, p.merged_into AS living FROM profiles p
JOIN journey_runs r ON r.person_id = p.person_id WHERE p.merged_into IN (/*ids*/)

-- name: due_people
-- Whom a timer concerns: as who they live on.
SELECT coalesce(p.merged_into, r.person_id) FROM journey_runs r
LEFT JOIN profiles p ON p.person_id = r.person_id
WHERE r.wake_at <= :at AND r.journey || '.' || CAST(r.version AS TEXT) IN (/*names*/)
GROUP BY coalesce(p.merged_into, r.person_id) ORDER BY min(r.wake_at) LIMIT :most

-- name: active_runs
-- Runs of a journey that are on their way.
SELECT body, notes FROM journey_runs
WHERE journey = :journey AND state = 'active' AND run_id > :after ORDER BY run_id LIMIT :most

-- name: write_run
-- A run as it is now.
INSERT INTO journey_runs (
  run_id, journey, version, person_id, entry_key, state, entered_at, wake_at, body, notes
) VALUES (
  :run_id, :journey, :version, :person_id, :entry_key, :state, :entered_at, :wake_at, :body, :notes
) ON CONFLICT (run_id) DO UPDATE SET
  version = excluded.version, person_id = excluded.person_id, state = excluded.state,
  wake_at = excluded.wake_at, body = excluded.body, notes = excluded.notes

-- name: write_effect
-- Something to do outside the store.
INSERT INTO journey_effects (effect_id, run_id, kind, body, attempts, due_at, error)
VALUES (:effect_id, :run_id, :kind, :body, :attempts, :due_at, :error)
ON CONFLICT (effect_id) DO NOTHING

-- name: waiting
-- What is due, the earliest first.
SELECT effect_id, run_id, kind, body, attempts, due_at, error FROM journey_effects
WHERE kind = :kind AND due_at <= :at ORDER BY due_at, effect_id LIMIT :most

-- name: done
-- It is done.
DELETE FROM journey_effects WHERE effect_id = :effect_id

-- name: postpone
-- It is tried again later, or given up.
UPDATE journey_effects SET attempts = :attempts, due_at = :due_at, error = :error
WHERE effect_id = :effect_id

-- name: withdraw
-- Whoever left a journey does not get what had not left.
UPDATE messages SET
  state = 'skipped', reason = 'left_journey', next_attempt_at = NULL, updated_at = :at
WHERE message_id = :message_id AND state IN ('planned', 'deferred')

-- name: counts
-- How many runs of each version are in each state.
SELECT journey, version, state, count(*) AS runs FROM journey_runs
GROUP BY journey, version, state

-- name: page
-- Runs of a journey, the latest to enter first.
SELECT body, notes FROM journey_runs
WHERE journey = :journey AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY entered_at DESC, run_id LIMIT :wanted OFFSET :skip

-- name: changes
-- Who came into segments and left them, after a number.
SELECT seq, person_id, segment, change, at, cause FROM membership_changes
WHERE seq > :after ORDER BY seq LIMIT :most

-- name: people_with
-- People with a trait, by id.
SELECT person_id, traits FROM profiles
WHERE merged_into IS NULL AND person_id > :after AND traits LIKE :mark
ORDER BY person_id LIMIT :most

-- name: living
-- Who somebody lives on as, with their traits.
SELECT asked.person_id AS person_id, p.person_id AS living, p.traits AS traits
FROM profiles asked JOIN profiles p ON p.person_id = coalesce(asked.merged_into, asked.person_id)
WHERE asked.person_id IN (/*ids*/)

-- name: position
-- How far something was looked through.
SELECT position FROM stream_offsets WHERE consumer = :consumer

-- name: set_position
-- How far something was looked through.
INSERT INTO stream_offsets (consumer, position) VALUES (:consumer, :position)
ON CONFLICT (consumer) DO UPDATE SET position = excluded.position
