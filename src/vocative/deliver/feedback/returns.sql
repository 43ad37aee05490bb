-- name: campaign_of
-- What a message belongs to.
SELECT campaign, occurrence, arm AS variant FROM messages WHERE message_id = :message_id

-- name: note
-- What came back of a message; told again it stays what it was.
INSERT INTO returns (
  return_id, message_id, person_id, address_hash, channel, kind, reason, rule, status, source,
  noted_at
) VALUES (
  :return_id, :message_id, :person_id, :address_hash, :channel, :kind, :reason, :rule, :status,
  :source, :noted_at
) ON CONFLICT (return_id) DO NOTHING

-- name: soft_bounces
-- How many messages to an address bounced softly of late, since the latest pause ended.
SELECT COUNT(DISTINCT r.message_id) FROM returns r
WHERE r.address_hash = :address_hash AND r.kind = 'soft' AND r.noted_at > :since
  AND r.noted_at >= COALESCE((
    SELECT MAX(s.expires_at) FROM suppressions s
    WHERE s.address_hash = r.address_hash AND s.reason = 'soft_bounce' AND s.expires_at <= :now
  ), 0)
