// The names that lead into a payload; a click writes one where the cursor stands.
import { Badge, Box, Group, Text } from "@mantine/core";

const PLAIN = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*){0,2}$/;

/** A name as a mapping writes it: more than three parts, or strange ones, stand in double quotes. */
function written(name: string) {
  return PLAIN.test(name) ? name : `"${name}"`;
}

export function FieldNames({ fields, onPick }: { fields: string[]; onPick: (written: string) => void }) {
  if (fields.length === 0) return null;
  return (
    <Box>
      <Text size="sm" c="dimmed" mb={4}>Its names; a click writes one where the cursor stands</Text>
      <Group gap={6} style={{ maxHeight: 160, overflowY: "auto" }}>
        {fields.map((name) => (
          <Badge key={name} component="button" type="button" variant="default" tt="none" fw={500} style={{ cursor: "pointer" }} onClick={() => onPick(written(name))}>
            {name}
          </Badge>
        ))}
      </Group>
    </Box>
  );
}
