// Mantine's looks on the router's typed links.
import { Anchor, type AnchorProps, Button, type ButtonProps, NavLink, type NavLinkProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ReactNode, Ref } from "react";

type Reference = { ref?: Ref<HTMLAnchorElement> };

export const TextLink = createLink((props: Omit<AnchorProps, "href"> & Reference) => (
  <Anchor inherit={props.size === undefined && props.fz === undefined} {...props} />
));

export const ButtonLink = createLink((props: Omit<ButtonProps, "href"> & Reference & { children?: ReactNode }) => (
  <Button component="a" {...props} />
));

export const NavItem = createLink((props: Omit<NavLinkProps, "href"> & Reference) => (
  <NavLink component="a" {...props} />
));

export const PlainLink = createLink((props: React.AnchorHTMLAttributes<HTMLAnchorElement> & Reference) => (
  <a {...props} className={`unlined ${props.className ?? ""}`} />
));
