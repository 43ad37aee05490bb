WITH "subjects" AS (
  SELECT
    "population".*,
    CASE
      WHEN "people"."first_seen_at" <= "population"."as_of"
      THEN "people"."first_seen_at"
    END AS "first_seen_at",
    "people"."email_domain" AS "email_domain",
    "people"."email_kind" AS "email_kind",
    "people"."country" AS "country",
    "people"."signed_up_at" AS "signed_up_at",
    "people"."born_on" AS "born_on",
    "people"."local_zone"
  FROM "current_features" AS "population"
  JOIN "people"
    USING ("person_id")
), "segments_0" AS (
  SELECT
    *,
    COALESCE(
      (
        (
          "orders_30d" > 0
        ) AND (
          NOT (
            "last_product" IS NULL
          )
        )
      ),
      FALSE
    ) AS "segment buyers",
    COALESCE(
      (
        COALESCE("signed_up_at", CAST('-infinity' AS TIMESTAMP)) > (
          "as_of" - INTERVAL '129600000000 MICROSECOND'
        )
      ),
      FALSE
    ) AS "segment new_here",
    COALESCE(
      (
        (
          (
            CAST(FLOOR(
              pg_temp.divided((pg_temp.micros(CAST(make_date(CAST((pg_temp.part('year', CAST(CAST(timezone("local_zone", timezone('UTC', CAST("as_of" AS TIMESTAMP))) AS DATE) AS TIMESTAMP)) + CASE WHEN pg_temp.part('month', CAST("born_on" AS TIMESTAMP)) * 100 + pg_temp.part('day', CAST("born_on" AS TIMESTAMP)) < pg_temp.part('month', CAST(CAST(timezone("local_zone", timezone('UTC', CAST("as_of" AS TIMESTAMP))) AS DATE) AS TIMESTAMP)) * 100 + pg_temp.part('day', CAST(CAST(timezone("local_zone", timezone('UTC', CAST("as_of" AS TIMESTAMP))) AS DATE) AS TIMESTAMP)) THEN 1 ELSE 0 END) AS INT), CAST(CASE WHEN (pg_temp.part('month', CAST("born_on" AS TIMESTAMP)) = 2 AND pg_temp.part('day', CAST("born_on" AS TIMESTAMP)) = 29) THEN 3 ELSE pg_temp.part('month', CAST("born_on" AS TIMESTAMP)) END AS INT), CAST(CASE WHEN (pg_temp.part('month', CAST("born_on" AS TIMESTAMP)) = 2 AND pg_temp.part('day', CAST("born_on" AS TIMESTAMP)) = 29) THEN 1 ELSE pg_temp.part('day', CAST("born_on" AS TIMESTAMP)) END AS INT)) AS TIMESTAMP)) - pg_temp.micros(CAST(CAST(timezone("local_zone", timezone('UTC', CAST("as_of" AS TIMESTAMP))) AS DATE) AS TIMESTAMP))), CAST(86400000000e0 AS DOUBLE PRECISION))
            ) AS BIGINT) - CASE
              WHEN (
                pg_temp.part('month', CAST("born_on" AS TIMESTAMP)) = 2
                AND pg_temp.part('day', CAST("born_on" AS TIMESTAMP)) = 29
              )
              THEN 1
              ELSE 0
            END
          ) <= 7
        )
        AND (
          pg_temp.part('hour', CAST(timezone("local_zone", timezone('UTC', CAST("as_of" AS TIMESTAMP))) AS TIMESTAMP)) >= 9
        )
      ),
      FALSE
    ) AS "segment birthday",
    CAST("kind" AS TEXT) COLLATE "C" AS "segment of_kind"
  FROM "subjects"
), "families_0" AS (
  SELECT
    *,
    COALESCE("segment of_kind" = 'best', FALSE) AS "segment of_kind:best"
  FROM "segments_0"
), "segments_1" AS (
  SELECT
    *,
    COALESCE(
      (
        (
          "left_a_cart" > (
            ("as_of" + INTERVAL '0 DAY') - INTERVAL '1 MONTH'
          )
        )
        AND (
          NOT "segment buyers"
        )
      ),
      FALSE
    ) AS "segment waiting",
    COALESCE(
      (
        "segment of_kind:best"
        OR (
          CAST(substring(TRIM(' ' FROM "country") FROM '(^[+-]?([0-9]{1,30}([.][0-9]{0,30})?|[.][0-9]{1,30})([eE][+-]?[0-9]{1,2})?$)') AS DOUBLE PRECISION) > 1
        )
        OR (
          "kind" < ('c' COLLATE "C")
        )
      ),
      FALSE
    ) AS "segment best_or_big"
  FROM "families_0"
)
SELECT
  *
FROM "segments_1";
