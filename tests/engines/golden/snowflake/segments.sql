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
        COALESCE("signed_up_at", CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)) > (
          DATEADD(MICROSECOND, -129600000000, CAST("as_of" AS TIMESTAMP_NTZ))
        )
      ),
      FALSE
    ) AS "segment new_here",
    COALESCE(
      (
        (
          (
            CAST(FLOOR(
              (
                DATE_PART(EPOCH_MICROSECOND, NULLIF(NULLIF(CAST(DATE_FROM_PARTS((DATE_PART(year, NULLIF(NULLIF(CAST(CAST(CONVERT_TIMEZONE('UTC', "local_zone", CAST("as_of" AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) + CASE WHEN DATE_PART(month, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) * 100 + DATE_PART(day, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) < DATE_PART(month, NULLIF(NULLIF(CAST(CAST(CONVERT_TIMEZONE('UTC', "local_zone", CAST("as_of" AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) * 100 + DATE_PART(day, NULLIF(NULLIF(CAST(CAST(CONVERT_TIMEZONE('UTC', "local_zone", CAST("as_of" AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) THEN 1 ELSE 0 END), CASE WHEN (DATE_PART(month, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) = 2 AND DATE_PART(day, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) = 29) THEN 3 ELSE DATE_PART(month, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) END, CASE WHEN (DATE_PART(month, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) = 2 AND DATE_PART(day, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) = 29) THEN 1 ELSE DATE_PART(day, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) END) AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) - DATE_PART(EPOCH_MICROSECOND, NULLIF(NULLIF(CAST(CAST(CONVERT_TIMEZONE('UTC', "local_zone", CAST("as_of" AS TIMESTAMP_NTZ)) AS DATE) AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ)))
              ) / CAST(86400000000e0 AS DOUBLE)
            ) AS BIGINT) - CASE
              WHEN (
                DATE_PART(month, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) = 2
                AND DATE_PART(day, NULLIF(NULLIF(CAST("born_on" AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) = 29
              )
              THEN 1
              ELSE 0
            END
          ) <= 7
        )
        AND (
          DATE_PART(hour, NULLIF(NULLIF(CAST(CONVERT_TIMEZONE('UTC', "local_zone", CAST("as_of" AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ), CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)), CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))) >= 9
        )
      ),
      FALSE
    ) AS "segment birthday",
    CAST("kind" AS VARCHAR) AS "segment of_kind"
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
            DATEADD(MONTH, -1, CAST((CAST("as_of" AS TIMESTAMP_NTZ)) AS TIMESTAMP_NTZ))
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
          TRY_CAST(REGEXP_SUBSTR(TRIM("country", ' '), '^[+-]?([0-9]{1,30}([.][0-9]{0,30})?|[.][0-9]{1,30})([eE][+-]?[0-9]{1,2})?$') AS DOUBLE) > 1
        )
        OR (
          "kind" < 'c'
        )
      ),
      FALSE
    ) AS "segment best_or_big"
  FROM "families_0"
)
SELECT
  *
FROM "segments_1";
