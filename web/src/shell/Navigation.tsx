import { Box, Stack, Text } from "@mantine/core";
import {
  IconArrowsJoin2, IconBrain, IconChecklist, IconFileImport, IconForms, IconHome, IconMail, IconPackage, IconPlugConnected, IconSpeakerphone, IconTemplate, IconUsers, IconUsersGroup,
} from "@tabler/icons-react";
import { NavItem } from "../parts/Links";

const GROUPS = [
  { name: null, items: [{ to: "/", label: "Home", icon: IconHome }] },
  {
    name: "Audience",
    items: [
      { to: "/people", label: "People", icon: IconUsers },
      { to: "/matches", label: "Matches", icon: IconArrowsJoin2 },
      { to: "/segments", label: "Segments", icon: IconUsersGroup },
      { to: "/packs", label: "Packs", icon: IconPackage },
    ],
  },
  {
    name: "Messaging",
    items: [
      { to: "/campaigns", label: "Campaigns", icon: IconSpeakerphone },
      { to: "/templates", label: "Templates", icon: IconTemplate },
      { to: "/messages", label: "Messages", icon: IconMail },
      { to: "/forms", label: "Forms", icon: IconForms },
    ],
  },
  {
    name: "Engine",
    items: [
      { to: "/models", label: "Models", icon: IconBrain },
      { to: "/sources", label: "Sources", icon: IconPlugConnected },
      { to: "/quality", label: "Data quality", icon: IconChecklist },
      { to: "/imports", label: "Imports", icon: IconFileImport },
    ],
  },
] as const;

export function Navigation() {
  return (
    <Stack component="nav" gap="md" aria-label="Main">
      {GROUPS.map((group) => (
        <Box key={group.name ?? "start"}>
          {group.name && <Text size="xs" fw={600} c="dimmed" px={10} mb={4}>{group.name}</Text>}
          {group.items.map(({ to, label, icon: Icon }) => (
            <NavItem
              key={to}
              to={to}
              label={label}
              leftSection={<Icon size={18} stroke={1.6} />}
              activeOptions={{ exact: to === "/", includeSearch: false }}
              activeProps={{ active: true }}
              py={7}
              px={10}
              style={{ borderRadius: 8 }}
            />
          ))}
        </Box>
      ))}
    </Stack>
  );
}
