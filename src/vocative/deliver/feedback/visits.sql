-- name: person_of
-- Whose message it is.
SELECT person_id FROM messages WHERE message_id = :message_id

-- name: record
-- A visit, as it happened; the same request twice is one visit.
INSERT INTO visits (
  visit_id, message_id, person_id, kind, link, at, method, agent, network_hash, revision
) VALUES (
  :visit_id, :message_id, :person_id, :kind, :link, :at, :method, :agent, :network_hash, 0
) ON CONFLICT (visit_id) DO NOTHING

-- name: unsettled
-- Visits without a verdict that have waited long enough.
SELECT visit_id, message_id FROM visits WHERE verdict IS NULL AND at <= :before

-- name: visits_of
-- Every visit of some messages, and when these left.
SELECT v.*, m.handed_at FROM visits v JOIN messages m ON m.message_id = v.message_id
WHERE v.message_id IN (/*ids*/) ORDER BY v.at, v.visit_id

-- name: visited_messages
-- Messages of a campaign that somebody or something visited.
SELECT DISTINCT v.message_id FROM visits v JOIN messages m ON m.message_id = v.message_id
WHERE m.campaign = :campaign

-- name: campaign_of
-- What a message belongs to.
SELECT campaign, occurrence, arm AS variant FROM messages WHERE message_id = :message_id

-- name: judge
-- Keep a verdict.
UPDATE visits SET verdict = :verdict, verdict_reason = :verdict_reason,
  probability = :probability, revision = :revision
WHERE visit_id = :visit_id

-- name: networks
-- What some networks did with links: whose mails they followed, how many gave a machine away, and
-- how many clicks came soon after delivery.
SELECT v.network_hash,
  COUNT(DISTINCT v.person_id) AS people,
  COUNT(DISTINCT v.message_id) AS mails,
  COUNT(DISTINCT CASE WHEN v.verdict_reason IN (/*certain*/) THEN v.message_id END) AS caught,
  COUNT(*) AS clicks,
  SUM(CASE WHEN v.at - m.handed_at <= :early THEN 1 ELSE 0 END) AS early
FROM visits v JOIN messages m ON m.message_id = v.message_id
WHERE v.network_hash IN (/*networks*/) AND v.kind IN ('click', 'trap')
GROUP BY v.network_hash
