// The frame around every page: where one is, where one can go, a way to any person, light or dark.
import { ActionIcon, AppShell, Box, Burger, Button, Group, Kbd, Text } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { useWorkspace } from "../parts/workspace";
import { Brand } from "./Brand";
import { Navigation } from "./Navigation";
import { SchemeToggle } from "./SchemeToggle";

const KeyPrompt = lazy(() => import("./KeyPrompt").then((module) => ({ default: module.KeyPrompt })));

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure();
  const { name, refused } = useWorkspace();
  const navigate = useNavigate();
  const path = useLocation({ select: (location) => location.pathname });
  useEffect(close, [path, close]);
  const findPerson = () => void navigate({ to: "/people" }).then(() => document.getElementById("person-search")?.focus());
  useHotkeys([["/", findPerson]]);

  return (
    <AppShell
      layout="alt"
      header={{ height: 56 }}
      navbar={{ width: 228, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "md", sm: "xl" }}
    >
      <a className="skip" href="#content">Skip to content</a>
      <AppShell.Header withBorder={false} style={{ background: "var(--canvas)" }}>
        <Group h="100%" px={{ base: "md", sm: "xl" }} justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" hiddenFrom="sm">
            <Burger opened={opened} onClick={toggle} size="sm" aria-label="Menu" />
            <Brand />
          </Group>
          <Button
            visibleFrom="sm" variant="default" radius="xl" size="xs" c="dimmed" fw={450} w={280} justify="space-between"
            leftSection={<IconSearch size={14} />} rightSection={<Kbd size="xs">/</Kbd>} onClick={findPerson}
            styles={{ label: { flex: 1 } }}
          >
            Find a person
          </Button>
          <Group gap="xs" wrap="nowrap">
            <ActionIcon hiddenFrom="sm" variant="subtle" color="gray" size="lg" aria-label="Find a person" onClick={findPerson}>
              <IconSearch size={19} />
            </ActionIcon>
            <SchemeToggle />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="md" style={{ borderColor: "var(--line)" }}>
        <Group justify="space-between" px={8} pt={4} pb="lg">
          <Box>
            <Brand />
            {name && <Text size="xs" c="dimmed" mt={2} pl={34}>{name}</Text>}
          </Box>
          <Burger hiddenFrom="sm" opened onClick={close} size="sm" aria-label="Close menu" />
        </Group>
        <Navigation />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} style={{ background: "var(--canvas)", outline: "none" }}>
        <Box maw={1240} mx="auto" pb="xl">{refused ? <Suspense><KeyPrompt error={refused} /></Suspense> : <Outlet />}</Box>
      </AppShell.Main>
    </AppShell>
  );
}
