# The command sessionmcp: one static binary, no shell, no root. It starts programs
# only if the image has them: add those, or use it before remote servers.
#
#   docker build -t sessionmcp --build-arg VERSION=v1.2.3 .
#   docker run -p 8080:8080 sessionmcp proxy --http 0.0.0.0:8080 https://example.com/mcp
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X github.com/sessionmcp/sessionmcp/internal/gen.release=$VERSION" -o /out/ ./cmd/...

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/ /usr/local/bin/
EXPOSE 8080
ENTRYPOINT ["sessionmcp"]
CMD ["--help"]
