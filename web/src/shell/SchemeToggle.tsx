import { ActionIcon, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconMoon, IconSun } from "@tabler/icons-react";

const SCHEMES = {
  auto: { icon: IconDeviceDesktop, next: "light", says: "Colours follow the system" },
  light: { icon: IconSun, next: "dark", says: "Light colours" },
  dark: { icon: IconMoon, next: "auto", says: "Dark colours" },
} as const;

export function SchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { icon: Icon, next, says } = SCHEMES[colorScheme];
  const label = `${says}. Change to ${next}`;
  return (
    <Tooltip label={label} withArrow>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label} onClick={() => setColorScheme(next)}>
        <Icon size={19} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}
