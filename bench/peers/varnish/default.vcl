# Varnish as a caching reverse proxy, hits from memory. ${…} is filled in by bench/peers/varnish.ts, where its parameters are.
vcl 4.1;

backend default {
  .host = "127.0.0.1";
  .port = "${UPSTREAM_PORT}";
}

sub vcl_backend_response {
  # Packages do not change under their names.
  set beresp.ttl = 1d;
  set beresp.grace = 1h;
}
