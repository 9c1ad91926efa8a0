import type { LineageNode } from '../shared/contract/lineage.ts';
import { plain } from './table-text.ts';

/** Nodes as a tree below each root; what stands in it already is named and not unfolded again. */
export function lineageText(nodes: readonly LineageNode[]): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const told = new Set<string>();
  const lines: string[] = [];
  const write = (node: LineageNode, head: string, rest: string): void => {
    const again = told.has(node.id) && node.next.length > 0;
    told.add(node.id);
    lines.push(`${head}${nodeText(node)}${again ? ' (see above)' : ''}`);
    if (again) return;
    const next = node.next.flatMap((id) => byId.get(id) ?? []);
    for (const [at, one] of next.entries()) {
      const isLast = at === next.length - 1;
      write(one, `${rest}${isLast ? '└─ ' : '├─ '}`, `${rest}${isLast ? '   ' : '│  '}`);
    }
    const left = node.next.length - next.length;
    if (left > 0) lines.push(`${rest}   ${left} more`);
  };
  for (const root of nodes.filter(({ depth }) => depth === 0)) write(root, '', '');
  return lines.join('\n');
}

function nodeText({ kind, name, version, id, state }: LineageNode): string {
  const what = kind === 'version' ? `${name}@${version ?? id}` : `${kind} ${name}`;
  return plain(`${what}${state === 'there' ? '' : ` (${state})`}`);
}
