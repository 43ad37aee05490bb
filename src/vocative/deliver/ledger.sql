-- name: plan
-- One row per person; planning again changes nothing.
INSERT INTO messages (
  message_id, campaign, occurrence, person_id, channel, purpose, arm, state, reason, fence,
  attempts, planned_at, updated_at, next_attempt_at, decision, priority
) VALUES (
  :message_id, :campaign, :occurrence, :person_id, :channel, :purpose, :arm, :state, :reason, 0,
  0, :at, :at, :next_attempt_at, :decision, :priority
) ON CONFLICT DO NOTHING

-- name: claim
-- Lease messages that wait; the fence grows, so that an earlier holder cannot write any more.
UPDATE messages SET
  state = 'claimed', fence = fence + 1, lease_owner = :owner, lease_until = :lease_until,
  reason = NULL, next_attempt_at = NULL, updated_at = :at
WHERE message_id IN (
  SELECT message_id FROM messages
  WHERE campaign = :campaign AND occurrence = :occurrence
    AND (state = 'planned' OR (state = 'deferred' AND next_attempt_at <= :at))
  LIMIT :n /*lock*/
)
RETURNING message_id, campaign, occurrence, person_id, channel, purpose, arm, fence, attempts,
  decision, priority

-- name: mark
-- Write what became of a message, if its holder still holds it.
UPDATE messages SET
  state = :state, reason = :reason,
  provider_reply = COALESCE(CAST(:provider_reply AS TEXT), provider_reply),
  decision = COALESCE(CAST(:decision AS TEXT), decision),
  handed_at = COALESCE(CAST(:handed_at AS BIGINT), handed_at),
  attempts = attempts + :tries, next_attempt_at = :next_attempt_at,
  lease_owner = :new_owner, lease_until = :lease_until, updated_at = :at
WHERE message_id = :message_id AND fence = :fence AND lease_owner = :owner
  AND state IN (/*states*/)

-- name: held
-- Which of these messages are held with these fences: finds out who lost a lease.
SELECT message_id, fence, state FROM messages WHERE message_id IN (/*ids*/)

-- name: leases
-- Every lease of a campaign, for recovery.
SELECT message_id, fence, state, lease_owner, lease_until FROM messages
WHERE campaign = :campaign AND occurrence = :occurrence
  AND state IN ('claimed', 'permitted', 'rendered', 'handed')

-- name: end_lease
-- Take a message from a holder that is gone; the fence grows.
UPDATE messages SET
  state = :state, reason = :reason, fence = fence + 1, lease_owner = NULL, lease_until = NULL,
  updated_at = :at
WHERE message_id = :message_id AND fence = :fence AND state = :old_state

-- name: owners
-- Who holds leases, in any campaign.
SELECT DISTINCT lease_owner FROM messages
WHERE state IN ('claimed', 'permitted', 'rendered', 'handed')

-- name: told_otherwise
-- To whom of some people a message of this run left under another profile: one that is part of them
-- now, or one with which they, or a part of them, were one when it left.
SELECT DISTINCT own.person_id FROM (
  SELECT merged_into AS person_id, person_id AS other, CAST(NULL AS BIGINT) AS until_at
  FROM profiles WHERE merged_into IN (/*ids*/)
  UNION ALL
  SELECT origin, other, parted_at FROM partings WHERE origin IN (/*ids*/)
  UNION ALL
  SELECT p.merged_into, x.other, x.parted_at
  FROM profiles p JOIN partings x ON x.origin = p.person_id WHERE p.merged_into IN (/*ids*/)
) AS own
JOIN messages m ON m.person_id = own.other
WHERE m.campaign = :campaign AND m.occurrence = :occurrence AND m.channel = :channel
  AND m.state IN ('handed', 'accepted', 'ambiguous')
  AND (own.until_at IS NULL OR m.handed_at <= own.until_at)

-- name: counts
-- How many messages are in each state, by reason.
SELECT state, reason, count(*) AS messages FROM messages
WHERE campaign = :campaign AND occurrence = :occurrence
GROUP BY state, reason ORDER BY state, reason

-- name: next_attempt
-- When the earliest deferred message is due.
SELECT min(next_attempt_at) FROM messages
WHERE campaign = :campaign AND occurrence = :occurrence AND state = 'deferred'

-- name: ambiguous
-- Messages that may or may not have arrived.
SELECT message_id, person_id, reason, attempts, handed_at, provider_reply FROM messages
WHERE campaign = :campaign AND occurrence = :occurrence AND state = 'ambiguous'
ORDER BY handed_at, message_id

-- name: resolve
-- Somebody found out what became of an ambiguous message.
UPDATE messages SET state = :state, reason = :reason, fence = fence + 1, updated_at = :at
WHERE message_id = :message_id AND state = 'ambiguous'

-- name: retry
-- Plan failed messages again.
UPDATE messages SET
  state = 'planned', reason = NULL, attempts = 0, next_attempt_at = NULL, updated_at = :at
WHERE campaign = :campaign AND occurrence = :occurrence AND state = 'failed'
  AND (CAST(:reason AS TEXT) IS NULL OR reason = :reason)

-- name: cancel
-- Give up what has not left; what is in somebody's hands is settled by them first.
UPDATE messages SET
  state = 'skipped', reason = 'canceled', next_attempt_at = NULL, updated_at = :at
WHERE campaign = :campaign AND occurrence = :occurrence AND state IN ('planned', 'deferred')

-- name: release
-- Let messages go that were kept back.
UPDATE messages SET reason = 'scheduled', next_attempt_at = :next_attempt_at, updated_at = :at
WHERE message_id = :message_id AND state = 'deferred' AND next_attempt_at IS NULL

-- name: kept_back
-- Messages that wait until the first share of a run has gone well.
SELECT message_id, decision FROM messages
WHERE campaign = :campaign AND occurrence = :occurrence AND state = 'deferred'
  AND next_attempt_at IS NULL

-- name: halted
-- Whether somebody asked that a run, or everything, is not sent now.
SELECT 1 FROM sending_halts WHERE scope = '*' OR scope = :campaign
UNION ALL
SELECT 1 FROM campaign_runs WHERE campaign = :campaign AND occurrence = :occurrence
  AND status IN ('paused', 'canceled', 'held', 'unapproved')
LIMIT 1
