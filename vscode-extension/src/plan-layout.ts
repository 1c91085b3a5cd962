/** Places for the boxes and lines of a plan's graph: a column a level, as few crossings as a few sweeps find. */

import type { PlanGraph, PlanStep } from "./answers";

/** Height of a box, in pixels. */
export const BOX_HEIGHT = 38;
/** Between boxes of a column, in pixels. */
export const ROW_GAP = 16;
/** Between columns, in pixels. */
export const COLUMN_GAP = 72;
/** Around everything, in pixels. */
export const MARGIN = 24;
/** Most boxes that are drawn; a plan with more shows one for each step. */
export const MAX_BOXES = 400;
/** Most places that lines take where they pass a column; with more they go straight. */
export const MAX_BENDS = 4000;
/** Most letters of a box. */
export const MAX_LETTERS = 34;

/** Height that a line takes where it passes a column, in pixels. */
const LINE_HEIGHT = 10;
/** Width of a letter, about, in pixels. */
const LETTER_WIDTH = 7.6;
/** What a box has beside its text: the sign of its state, and air. */
const BOX_PADDING = 52;
const MIN_BOX_WIDTH = 96;
/** How often the order in the columns is improved, forth and back. */
const SWEEPS = 4;

/** A box: a combination of a step, or a step with all of them. */
export interface Box {
  readonly name: string;
  readonly label: string;
  readonly step: string;
  /** The combinations that it stands for, by their slugs. */
  readonly slugs: readonly string[];
  readonly task: string;
  readonly isFolder: boolean;
  readonly when: string | undefined;
  readonly checkpoint: boolean;
  readonly level: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** A line between boxes, by their names. */
export interface Line {
  readonly from: string;
  readonly to: string;
  /** The `d` of an SVG path. */
  readonly path: string;
}

/** A picture of a plan. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
  /** Whether each box stands for all combinations of its step. */
  readonly isCollapsed: boolean;
}

interface Vertex {
  name: string;
  step: string;
  slugs: string[];
  task: string;
  isFolder: boolean;
  level: number;
  needs: Set<string>;
}

/** A vertex in its column, or a line that passes there. */
interface Slot {
  readonly vertex: Vertex | undefined;
  readonly height: number;
  before: Slot[];
  after: Slot[];
  order: number;
  y: number;
}

/** Lays out a plan. `undefined` where it has too many steps to be drawn. */
export function layoutPlan(plan: PlanGraph): Layout | undefined {
  const isCollapsed = plan.nodes.length > MAX_BOXES;
  const vertices = isCollapsed ? stepVertices(plan) : nodeVertices(plan);
  if (vertices.length > MAX_BOXES) return undefined;
  const { columns, routes } = columnsOf(vertices);
  sortColumns(columns);
  placeColumns(columns);
  return picture(plan, columns, routes, isCollapsed);
}

function nodeVertices(plan: PlanGraph): Vertex[] {
  return plan.nodes.map(node => ({
    name: node.name,
    step: node.step,
    slugs: [node.slug],
    task: node.task,
    isFolder: node.kind === "folder",
    level: node.level,
    needs: new Set(node.needs),
  }));
}

function stepVertices(plan: PlanGraph): Vertex[] {
  const steps = new Map(plan.nodes.map(node => [node.name, node.step]));
  const vertices = new Map<string, Vertex>();
  for (const node of plan.nodes) {
    const known = vertices.get(node.step);
    const vertex = known ?? {
      name: node.step,
      step: node.step,
      slugs: [],
      task: node.task,
      isFolder: node.kind === "folder",
      level: node.level,
      needs: new Set<string>(),
    };
    vertex.slugs.push(node.slug);
    vertex.level = Math.max(vertex.level, node.level);
    for (const need of node.needs) vertex.needs.add(steps.get(need) ?? need);
    vertex.needs.delete(node.step);
    vertices.set(node.step, vertex);
  }
  return [...vertices.values()];
}

interface Route {
  readonly from: string;
  readonly to: string;
  readonly slots: readonly Slot[];
}

function columnsOf(vertices: readonly Vertex[]): { columns: Slot[][]; routes: Route[] } {
  const columns: Slot[][] = [];
  const slots = new Map<string, Slot>();
  const put = (level: number, slot: Slot) => {
    while (columns.length <= level) columns.push([]);
    const column = columns[level];
    slot.order = column?.length ?? 0;
    column?.push(slot);
  };
  for (const vertex of vertices) {
    const slot: Slot = { vertex, height: BOX_HEIGHT, before: [], after: [], order: 0, y: 0 };
    slots.set(vertex.name, slot);
    put(vertex.level, slot);
  }
  const pairs = vertices.flatMap(vertex => [...vertex.needs].map(need => [slots.get(need), slots.get(vertex.name)]));
  const spans = pairs.map(([from, to]) => Math.max(0, (to?.vertex?.level ?? 0) - (from?.vertex?.level ?? 0) - 1));
  const isBent = spans.reduce((sum, span) => sum + span, 0) <= MAX_BENDS;
  const routes: Route[] = [];
  for (const [from, to] of pairs) {
    if (from?.vertex === undefined || to?.vertex === undefined) continue;
    const route = [from];
    for (let level = from.vertex.level + 1; isBent && level < to.vertex.level; level += 1) {
      const bend: Slot = { vertex: undefined, height: LINE_HEIGHT, before: [], after: [], order: 0, y: 0 };
      put(level, bend);
      route.push(bend);
    }
    route.push(to);
    route.forEach((slot, index) => {
      const next = route[index + 1];
      if (next === undefined) return;
      slot.after.push(next);
      next.before.push(slot);
    });
    routes.push({ from: from.vertex.name, to: to.vertex.name, slots: route });
  }
  return { columns, routes };
}

function sortColumns(columns: readonly Slot[][]): void {
  const sortBy = (column: Slot[], neighbours: (slot: Slot) => Slot[]) => {
    const weights = new Map(column.map(slot => [slot, mean(neighbours(slot).map(near => near.order)) ?? slot.order]));
    column.sort((a, b) => (weights.get(a) ?? 0) - (weights.get(b) ?? 0) || a.order - b.order);
    column.forEach((slot, order) => {
      slot.order = order;
    });
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of columns) sortBy(column, slot => slot.before);
    for (const column of [...columns].reverse()) sortBy(column, slot => slot.after);
  }
}

/** Gives every slot the middle of its neighbours where there is room, columns forth and back. */
function placeColumns(columns: readonly Slot[][]): void {
  for (const column of columns) {
    let y = 0;
    for (const slot of column) {
      slot.y = y + slot.height / 2;
      y += slot.height + ROW_GAP;
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const column of columns) settle(column, slot => slot.before);
    for (const column of [...columns].reverse()) settle(column, slot => slot.after);
  }
  const top = Math.min(...columns.flat().map(slot => slot.y - slot.height / 2));
  for (const slot of columns.flat()) slot.y += MARGIN - top;
}

/** Moves the slots of a column towards their neighbours, in order and without overlap, and keeps their middle. */
function settle(column: readonly Slot[], neighbours: (slot: Slot) => Slot[]): void {
  const wanted = column.map(slot => mean(neighbours(slot).map(near => near.y)) ?? slot.y);
  let end = Number.NEGATIVE_INFINITY;
  column.forEach((slot, index) => {
    slot.y = Math.max(wanted[index] ?? slot.y, end + slot.height / 2);
    end = slot.y + slot.height / 2 + ROW_GAP;
  });
  const shift = mean(column.map((slot, index) => (wanted[index] ?? slot.y) - slot.y)) ?? 0;
  for (const slot of column) slot.y += shift;
}

function picture(plan: PlanGraph, columns: readonly Slot[][], routes: readonly Route[], isCollapsed: boolean): Layout {
  const steps = new Map(plan.steps.map(step => [step.name, step]));
  const boxes: Box[] = [];
  const sides = new Map<Slot, { left: number; right: number }>();
  let x = MARGIN;
  for (const column of columns) {
    const labels = column.map(slot => (slot.vertex === undefined ? "" : labelOf(slot.vertex)));
    const longest = Math.max(0, ...labels.map(label => [...label].length));
    const width = Math.max(MIN_BOX_WIDTH, Math.ceil(longest * LETTER_WIDTH) + BOX_PADDING);
    column.forEach((slot, index) => {
      sides.set(slot, { left: x, right: x + width });
      if (slot.vertex !== undefined) boxes.push(boxOf(slot, slot.vertex, steps, labels[index] ?? "", x, width));
    });
    x += width + COLUMN_GAP;
  }
  const bottom = Math.max(0, ...columns.flat().map(slot => slot.y + slot.height / 2));
  return {
    boxes,
    lines: routes.map(route => ({ from: route.from, to: route.to, path: pathOf(route.slots, sides) })),
    width: columns.length === 0 ? 2 * MARGIN : x - COLUMN_GAP + MARGIN,
    height: bottom + MARGIN,
    isCollapsed,
  };
}

function boxOf(
  slot: Slot,
  vertex: Vertex,
  steps: ReadonlyMap<string, PlanStep>,
  label: string,
  x: number,
  width: number,
): Box {
  const step = steps.get(vertex.step);
  return {
    name: vertex.name,
    label,
    step: vertex.step,
    slugs: vertex.slugs,
    task: vertex.task,
    isFolder: vertex.isFolder,
    when: step?.when ?? undefined,
    checkpoint: step?.checkpoint ?? false,
    level: vertex.level,
    x,
    y: slot.y - slot.height / 2,
    width,
  };
}

function labelOf(vertex: Vertex): string {
  const suffix = vertex.slugs.length > 1 ? ` ×${vertex.slugs.length}` : "";
  const letters = [...vertex.name];
  const most = MAX_LETTERS - suffix.length;
  const name = letters.length <= most ? vertex.name : `${letters.slice(0, most - 1).join("")}…`;
  return name + suffix;
}

function pathOf(slots: readonly Slot[], sides: ReadonlyMap<Slot, { left: number; right: number }>): string {
  let path = "";
  slots.forEach((slot, index) => {
    const side = sides.get(slot);
    const next = slots[index + 1];
    const nextSide = next === undefined ? undefined : sides.get(next);
    if (side === undefined) return;
    if (path === "") path = `M${side.right} ${round(slot.y)}`;
    else if (next !== undefined) path += ` H${side.right}`;
    if (next === undefined || nextSide === undefined) return;
    const middle = (side.right + nextSide.left) / 2;
    path += ` C${middle} ${round(slot.y)} ${middle} ${round(next.y)} ${nextSide.left} ${round(next.y)}`;
  });
  return path;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

function mean(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
