/** Small inline icons: they work offline and cost the client no request. */
import type { Icon } from "@modelcontextprotocol/server"

export const icons = {
  note: svg("M5 3h9l5 5v13H5zM14 3v5h5M8 12h8M8 16h8"),
  search: svg("M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5"),
  list: svg("M5 6h14M5 12h14M5 18h14"),
  write: svg("M4 20l1-4L16 5l3 3L8 19z"),
  append: svg("M12 5v14M5 12h14"),
  delete: svg("M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13"),
} satisfies Record<string, Icon[]>

function svg(path: string): Icon[] {
  const image = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#4a7" stroke-width="2"><path d="${path}"/></svg>`
  const src = `data:image/svg+xml;base64,${Buffer.from(image).toString("base64")}`
  return [{ src, mimeType: "image/svg+xml", sizes: ["any"] }]
}
