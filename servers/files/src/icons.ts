/** Small inline icons: they work offline and cost the client no request. */
import type { Icon } from "@modelcontextprotocol/server"

export const icons = {
  file: svg("M6 3h8l4 4v14H6zM14 3v4h4"),
  folder: svg("M3 6h6l2 2h10v11H3z"),
  search: svg("M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5"),
  info: svg("M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11v5M12 8v.5"),
  write: svg("M4 20l1-4L16 5l3 3L8 19z"),
  move: svg("M4 12h15M14 7l5 5-5 5"),
} satisfies Record<string, Icon[]>

function svg(path: string): Icon[] {
  const image = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#47a" stroke-width="2"><path d="${path}"/></svg>`
  const src = `data:image/svg+xml;base64,${Buffer.from(image).toString("base64")}`
  return [{ src, mimeType: "image/svg+xml", sizes: ["any"] }]
}
